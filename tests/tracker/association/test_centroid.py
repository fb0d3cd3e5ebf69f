"""What the centroid associator does beyond the contract of all associators."""

from __future__ import annotations

import pytest

from tracker.association.centroid import Config


@pytest.mark.parametrize("option", ["gate", "smoothing_s"])
@pytest.mark.parametrize("value", [0.0, -1.0])
def test_settings_that_cannot_be_are_refused(option: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"{option} must be above 0"):
        Config(**{option: value})
