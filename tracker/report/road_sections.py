"""The sections with the picture of the road: the scene, the trajectories, the heat map."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tracker.report.drawing import NARROW_IN, WIDE_IN, Picture, picture
from tracker.report.parts import Draft, Section
from tracker.report.scenes import draw_heat, draw_paths, draw_scene
from tracker.report.tables import Way
from tracker.report.words import clean

_NO_LINE_COLOUR = "#6f7b82"
_MOST_ASPECT = 0.85
#: Height of the scale below the heat map.
_SCALE_IN = 0.6
#: A class of paths in the figure: name, colour, paths.
Group = tuple[str, str, list[NDArray[np.float64]]]


def _heights(draft: Draft, wide_below_in: float = 0.0, narrow_below_in: float = 0.0) -> tuple[float, float]:
    """Return the heights of a figure with the road and so much below it; upright roads stay small."""
    width, height = draft.results.run.size
    wide, narrow = min(height / width, _MOST_ASPECT), min(height / width, 1.6)
    return WIDE_IN * wide + wide_below_in, NARROW_IN * narrow + narrow_below_in


def scene_section(draft: Draft) -> Section:
    """Return the scene, or one sentence that says how to get one."""
    scene, say = draft.results.scene, draft.say
    if scene is None or not (scene.lines or scene.zones or scene.gates):
        return Section("scene", say("scene.title"), say("scene.none"))
    numbers = {
        "scene.lines": len(scene.lines),
        "scene.zones": len(scene.zones),
        "scene.gates": len(scene.gates),
        "scene.ignored": len(scene.ignore),
    }
    what = ", ".join(say.count(key, number) for key, number in numbers.items() if number)
    made = picture(
        "scene",
        say,
        _heights(draft),
        lambda pen: draw_scene(pen, draft.results.run.size, draft.ground, scene, draft.colours),
        say("scene.alt", what=what),
        say("scene.caption"),
        photo=True,
    )
    return Section("scene", say("scene.title"), pictures=[made])


def path_section(draft: Draft) -> Section | None:
    """Return trajectories and heat map; None of a run that saw nobody."""
    say = draft.say
    pictures = [made for made in (_paths(draft), _heat(draft)) if made is not None]
    return Section("paths", say("paths.title"), pictures=pictures) if pictures else None


def _paths(draft: Draft) -> Picture | None:
    tracks, say = draft.results.tracks, draft.say
    groups = _groups(draft)
    drawn = sum(len(paths) for *_, paths in groups)
    if not drawn:
        return None
    sizes = say("paths.all", n=drawn)
    if drawn < len(tracks.ids):
        sizes = say("paths.sample", drawn=drawn, n=len(tracks.ids))
    what = say("paths.caption" if len(draft.results.crossings) else "paths.caption_plain")
    numbers = " ".join(f"{name}: {say.number(len(paths))}." for name, _, paths in groups)
    # the legend of a phone has one entry a row
    below_in = 0.15 + 0.19 * -(-len(groups) // 2), 0.15 + 0.19 * len(groups)
    return picture(
        "trajectories",
        say,
        _heights(draft, *below_in),
        lambda pen: draw_paths(pen, draft.results.run.size, draft.ground, groups, below_in[pen.narrow]),
        say("paths.alt", drawn=drawn, what=numbers),
        f"{what} {sizes}",
        photo=True,
    )


def _groups(draft: Draft) -> list[Group]:
    """Return the sampled paths by the first line that each crossed; those that crossed none come first."""
    crossings, say = draft.results.crossings, draft.say
    first: dict[int, Way] = {}
    sampled = draft.results.tracks.paths
    for id_, way in zip(crossings.track_id.tolist(), crossings.way.tolist(), strict=True):
        if id_ in sampled:
            first.setdefault(id_, crossings.ways[way])
    by_way: dict[Way | None, list[NDArray[np.float64]]] = {None: []}
    by_way |= {way: [] for way in draft.colours}
    for id_, path in sampled.items():
        by_way[first.get(id_)].append(path)
    nowhere = say("paths.no_line") if len(crossings) else say("paths.any")
    groups: list[Group] = [(nowhere, _NO_LINE_COLOUR, by_way.pop(None))]
    for way, paths in by_way.items():
        if way is not None:
            groups.append((f"{clean(way[0])} › {clean(way[1])}", draft.colours[way], paths))  # noqa: RUF001
    return [group for group in groups if group[2]]


def _heat(draft: Draft) -> Picture | None:
    heat_s, say = draft.results.tracks.heat_s, draft.say
    if not heat_s.any():
        return None
    size = draft.results.run.size
    cell = say.number(size[0] / heat_s.shape[1])
    return picture(
        "heatmap",
        say,
        _heights(draft, _SCALE_IN, _SCALE_IN),
        lambda pen: draw_heat(pen, size, draft.ground, heat_s, _SCALE_IN),
        say("heat.alt", total=say.duration(float(heat_s.sum()))),
        say("heat.caption", cell=f"{cell} × {cell}"),  # noqa: RUF001
        photo=True,
    )
