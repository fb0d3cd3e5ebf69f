"""The same network on several engines: torch, ONNX Runtime, OpenVINO."""
