"""VTK windows off screen: colour, depth and identity of what stands and of what moves."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyvista as pv
from numpy.typing import NDArray
from optics import Camera, Sun
from solids import Part
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkCommonCore import vtkFloatArray, vtkUnsignedCharArray

MATERIALS = {
    "paint": (0.1, 0.32),
    "panel": (0.0, 0.5),
    "glass": (0.0, 0.08),
    "chrome": (0.8, 0.3),
    "rubber": (0.0, 0.85),
    "matt": (0.0, 0.9),
    "wall": (0.0, 0.95),
    "leaf": (0.0, 0.8),
    "headlamp": (0.3, 0.15),
    "taillamp": (0.1, 0.2),
    "streetlamp": (0.0, 0.3),
    "sign": (0.0, 0.9),
}
"""Metallic share and roughness of each material."""
GLOWING = ("headlamp", "taillamp", "streetlamp", "sign")
NEAR_M, FAR_M = 2.5, 330.0
LINEAR = (np.arange(256, dtype=np.float32) / 255) ** np.float32(2.2)
"""From a display value to light."""


def merge(parts: Sequence[Part]) -> dict[str, pv.PolyData]:
    """Join parts by material into meshes with a colour a point (sRGB, uint8) and smooth normals."""
    groups: dict[str, list[pv.PolyData]] = {}
    for part in parts:
        points, faces = part.mesh
        mesh = pv.PolyData.from_regular_faces(points.astype(np.float32), faces)
        if part.material != "leaf":
            mesh = mesh.compute_normals(
                cell_normals=False, split_vertices=True, feature_angle=38, consistent_normals=False
            )
        colour = np.round(np.clip(np.array(part.colour), 0, 1) * 255).astype(np.uint8)
        mesh.point_data["colour"] = np.tile(colour, (mesh.n_points, 1))
        groups.setdefault(part.material, []).append(mesh)
    return {
        name: pv.merge(meshes, merge_points=False) if len(meshes) > 1 else meshes[0]
        for name, meshes in groups.items()
    }


class Window:
    """One off-screen window, seen through a camera or from the sun.

    Args:
        view: camera, or sun for a parallel view of depths.
        scale: pixels of the window a pixel of the camera.
        pad_px: camera pixels added on every side.
    """

    def __init__(self, view: Camera | Sun, scale: int = 1, pad_px: int = 0) -> None:
        """Open the window."""
        if isinstance(view, Sun):
            self.size = (view.size, view.size)
        else:
            self.size = ((view.width + 2 * pad_px) * scale, (view.height + 2 * pad_px) * scale)
        self.view = view
        self.plot = pv.Plotter(off_screen=True, window_size=list(self.size), lighting="none")
        self.plot.render_window.SetMultiSamples(0)
        self.plot.set_background("black")
        lens = self.plot.camera
        lens.position = tuple(view.position)
        lens.focal_point = tuple(np.array(view.position) + view.basis[2] * 10)
        lens.up = tuple(view.basis[1])
        if isinstance(view, Sun):
            lens.parallel_projection = True
            lens.parallel_scale = view.half_m
        else:
            lens.view_angle = float(np.degrees(2 * np.arctan((view.height / 2 + pad_px) / view.focal_px)))
        self.sun: pv.Light | None = None

    def light(
        self, environment: NDArray[np.uint8], sun: Sun, colour: tuple[float, float, float], strength: float
    ) -> None:
        """Light the scene by the sky (equirectangular sRGB) and by the sun."""
        texture = pv.Texture(np.ascontiguousarray(environment))
        texture.SetMipmap(True)
        texture.SetInterpolate(True)
        renderer = self.plot.renderer
        renderer.SetEnvironmentUp(0, 0, 1)
        renderer.SetEnvironmentRight(1, 0, 0)
        renderer.SetUseImageBasedLighting(True)
        renderer.SetEnvironmentTexture(texture, True)
        renderer.GetEnvMapPrefiltered().SetPrefilterMaxSamples(128)
        self.sun = pv.Light(
            position=tuple(np.array(sun.direction) * 100),
            focal_point=(0, 0, 0),
            color=colour,
            light_type="scene light",
        )
        self.sun.positional = False
        self.sun.intensity = strength
        self.plot.add_light(self.sun)

    def add(
        self, mesh: pv.PolyData, material: str, texture: NDArray[np.uint8] | None = None, glow: bool = False
    ) -> pv.Actor:
        """Add a mesh with its colours or a texture (sRGB); ``glow`` shows it unlit."""
        options: dict[str, object] = {"lighting": False} if glow else {"pbr": True}
        if not glow:
            options["metallic"], options["roughness"] = MATERIALS[material]
        picture = None
        if texture is None:
            options |= {"scalars": "colour", "rgb": True}
        else:
            picture = pv.Texture(texture)
            picture.SetMipmap(True)
            picture.SetInterpolate(True)
            picture.SetMaximumAnisotropicFiltering(16)
            picture.SetUseSRGBColorSpace(True)
        actor = self.plot.add_mesh(
            mesh, smooth_shading=material != "leaf", reset_camera=False, show_scalar_bar=False, **options
        )
        if picture is not None:
            actor.prop.SetBaseColorTexture(picture)
        if material == "paint" and not glow:
            actor.prop.SetCoatStrength(0.7)
            actor.prop.SetCoatRoughness(0.06)
        return actor

    def add_flat(self, mesh: pv.PolyData, colour: tuple[int, int, int]) -> pv.Actor:
        """Add a mesh in one unlit colour, exact to the bit, to tell things apart."""
        shape = pv.PolyData(mesh.points, faces=mesh.faces)
        return self.plot.add_mesh(shape, color=[c / 255 for c in colour], lighting=False, reset_camera=False)

    def draw(self, sunlit: bool = True) -> NDArray[np.uint8]:
        """Render and return RGB (H, W, 3)."""
        if self.sun is not None:
            self.sun.SetSwitch(sunlit)
        self._render()
        w, h = self.size
        data = vtkUnsignedCharArray()
        self.plot.render_window.GetPixelData(0, 0, w - 1, h - 1, 0, data, 0)
        return vtk_to_numpy(data).reshape(h, w, 3)[::-1]

    def _render(self) -> None:
        far = 2 * self.view.distance_m if isinstance(self.view, Sun) else FAR_M
        self.plot.camera.clipping_range = (NEAR_M, far)
        self.plot.render_window.Render()

    def depth(self, render: bool = False) -> NDArray[np.float32]:
        """Return the depths (H, W) along the view in metres, of the last picture or a new one."""
        if render:
            self._render()
        return self.metres(self.z())

    def z(self) -> NDArray[np.float32]:
        """Return the depth buffer (H, W) of the last picture: 1 where nothing was drawn."""
        w, h = self.size
        data = vtkFloatArray()
        self.plot.render_window.GetZbufferData(0, 0, w - 1, h - 1, data)
        return vtk_to_numpy(data).reshape(h, w)[::-1]

    def metres(self, z: NDArray[np.float32]) -> NDArray[np.float32]:
        """Turn values of the depth buffer into metres along the view."""
        if isinstance(self.view, Sun):
            return NEAR_M + z * np.float32(2 * self.view.distance_m - NEAR_M)
        both = np.float32(2 * NEAR_M * FAR_M)
        return both / (np.float32(FAR_M + NEAR_M) - (2 * z - 1) * np.float32(FAR_M - NEAR_M))
