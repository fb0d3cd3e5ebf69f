"""The sections of traffic: counts, speeds, turning movements, zones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from tracker.report.charts import MOST_PANELS, draw_counts, draw_speeds, draw_zones
from tracker.report.drawing import Picture, picture
from tracker.report.intervals import LOW_COVERAGE, joined
from tracker.report.parts import Draft, Section, Table
from tracker.report.results import is_vehicle
from tracker.report.summary import (
    FEWEST_SPEEDS,
    SpeedFigures,
    WayTotal,
    classes_of,
    speed_figures,
    total_ways,
    total_zones,
)
from tracker.report.tables import Interval, Way, ZoneRow
from tracker.report.words import Language, clean

#: A histogram of fewer speeds than this is not drawn.
_FEWEST_DRAWN = 5


def count_section(draft: Draft) -> Section | None:
    """Return the classified count; None of a run that had no lines."""
    totals, say = total_ways(draft.results), draft.say
    if not totals:
        return None
    classes = classes_of([total.counts for total in totals], draft.results.run.class_names)
    if not classes:
        return Section("counts", say("counts.title"), say("counts.none"))
    pictures, notes = [], []
    intervals = joined(draft.results.intervals)
    if len(intervals) > 1:
        pictures.append(_count_picture(draft, totals, intervals, classes))
        if len({total.way[0] for total in totals}) > MOST_PANELS:
            notes.append(say("counts.panels", n=MOST_PANELS))
    elif intervals:
        notes.append(say("counts.single", length=say.duration(_length_s(intervals))))
    if not all(is_vehicle(name) for name in classes):
        notes.append(say("counts.persons"))
    tables = [_count_table(totals, classes, say)]
    if len(intervals) > 1:
        tables.append(_interval_table(draft, intervals, classes))
    return Section("counts", say("counts.title"), say("counts.lead"), pictures, tables, notes)


def _length_s(intervals: Sequence[Interval]) -> float:
    """Return the length of most intervals: those beside a gap may be shorter."""
    lengths = Counter(interval.end_s - interval.start_s for interval in intervals)
    return lengths.most_common(1)[0][0]


def _count_picture(
    draft: Draft, totals: Sequence[WayTotal], intervals: Sequence[Interval], classes: Sequence[str]
) -> Picture:
    say, lines = draft.say, dict[str, list[str]]()
    for total in totals:
        lines.setdefault(total.way[0], []).append(total.way[1])
    lines = dict(list(lines.items())[:MOST_PANELS])
    length = say.duration(_length_s(intervals))
    whole = all(interval.coverage >= LOW_COVERAGE for interval in intervals)
    by_way: Counter[tuple[float, Way]] = Counter()
    for interval in intervals:
        for (way, _), number in interval.counts.items():
            by_way[interval.start_s, way] += number
    number = sum(by_way.values())
    caption = say("counts.caption_whole", length=length)
    if not whole:
        caption = say("counts.caption", length=length, share=say.percent(LOW_COVERAGE))
    return picture(
        "counts",
        say,
        (0.8 + 2.1 * len(lines), 1.0 + 1.9 * len(lines)),
        lambda pen: draw_counts(pen, lines, intervals, classes, draft.results.time),
        say("counts.alt", length=length, n=number, most=max(by_way.values(), default=0)),
        caption,
    )


def _count_table(totals: Sequence[WayTotal], classes: Sequence[str], say: Language) -> Table:
    has_pcu = any(total.pcu is not None for total in totals)
    has_flow = any(total.flow is not None for total in totals)
    driven = [name for name in classes if is_vehicle(name)]
    walking = [name for name in classes if not is_vehicle(name)]

    def cells(counts: Counter[str], pcu: float | None, flow: float | None) -> list[str]:
        numbers = [say.number(counts[name]) for name in driven]
        numbers.append(say.number(sum(counts[name] for name in driven)))
        numbers += [say.number(pcu, 1)] if has_pcu else []
        numbers += [say.number(flow)] if has_flow else []
        return numbers + [say.number(counts[name]) for name in walking]

    head = [say("counts.line"), say("counts.direction"), *map(say.name_class, driven), say("counts.total")]
    head += [say("counts.pcu")] if has_pcu else []
    head += [say("counts.flow")] if has_flow else []
    rows = [
        [clean(total.way[0]), clean(total.way[1]), *cells(total.counts, total.pcu, total.flow)]
        for total in totals
    ]
    whole = sum((total.counts for total in totals), Counter[str]())
    pcu = sum(total.pcu or 0.0 for total in totals) if has_pcu else None
    flow = sum(total.flow or 0.0 for total in totals) if has_flow else None
    foot = [say("counts.sum"), "", *cells(whole, pcu, flow)]
    return Table(say("counts.title"), [*head, *map(say.name_class, walking)], rows, foot, texts=2)


def _interval_table(draft: Draft, intervals: Sequence[Interval], classes: Sequence[str]) -> Table:
    say, time = draft.say, draft.results.time
    seconds = any((interval.end_s - interval.start_s) % 60 for interval in intervals)
    several_days = intervals[-1].end_s - intervals[0].start_s > 86400 * 1.01
    rows = []
    for interval in intervals:
        moment = time.at(interval.start_s)
        day = f"{say.short_date(moment)} " if moment and several_days else ""
        begin, end = (time.label(edge, seconds) for edge in (interval.start_s, interval.end_s))
        counts = Counter[str]()
        for (_, name), number in interval.counts.items():
            counts[name] += number
        vehicles = sum(number for name, number in counts.items() if is_vehicle(name))
        numbers = [say.number(counts[name]) for name in classes]
        name = f"{day}{begin}–{end}"  # noqa: RUF001
        rows.append([name, *numbers, say.number(vehicles), say.percent(interval.coverage)])
    head = [
        say("counts.interval"),
        *map(say.name_class, classes),
        say("counts.total"),
        say("counts.coverage"),
    ]
    return Table(say("counts.table"), head, rows, folded=True)


def speed_section(draft: Draft) -> Section | None:
    """Return the speeds, or one sentence that says how to get them; None of a run without lines."""
    results, say, figures = draft.results, draft.say, speed_figures(draft.results)
    if not results.ways:
        return None
    if not figures:
        return Section("speeds", say("speed.title"), say(_why_no_speed(draft)))
    drawn = [figure for figure in figures if len(figure.speeds_kmh) >= _FEWEST_DRAWN][:MOST_PANELS]
    notes = [say("speed.error_note")] if any(figure.error_kmh is not None for figure in figures) else []
    if any(figure.v85_kmh is None for figure in figures):
        notes.append(say("speed.few_note", n=FEWEST_SPEEDS))
    pictures = [_speed_picture(draft, drawn)] if drawn else []
    table = _speed_table(figures, say)
    return Section("speeds", say("speed.title"), say("speed.lead"), pictures, [table], notes)


def _speed_picture(draft: Draft, figures: Sequence[SpeedFigures]) -> Picture:
    say = draft.say
    return picture(
        "speeds",
        say,
        (0.6 + 1.6 * len(figures), 0.7 + 1.5 * len(figures)),
        lambda pen: draw_speeds(pen, figures, draft.colours),
        say("speed.alt", what=" ".join(_say_speed(figure, say) for figure in figures)),
        say("speed.caption"),
    )


def _why_no_speed(draft: Draft) -> str:
    scene = draft.results.scene
    if scene is None or scene.calibration is None:
        return "speed.no_calibration"
    return "speed.none_measured" if len(draft.results.crossings) else "speed.no_events"


def _say_speed(figure: SpeedFigures, say: Language) -> str:
    way = f"{clean(figure.way[0])}, {clean(figure.way[1])}"
    median, v85 = say.number(figure.median_kmh), say.number(figure.v85_kmh)
    return say("speed.alt_way", way=way, n=len(figure.speeds_kmh), median=median, v85=v85)


def _speed_table(figures: Sequence[SpeedFigures], say: Language) -> Table:
    head = [say("counts.line"), say("counts.direction"), say("speed.n"), say("speed.mean")]
    head += [say("speed.median_head"), say("speed.v85"), say("speed.error")]
    rows = []
    for figure in figures:
        speeds = (figure.mean_kmh, figure.median_kmh, figure.v85_kmh)
        error = "" if figure.error_kmh is None else "±"
        cells = [say.number(len(figure.speeds_kmh)), *(say.number(speed, 1) for speed in speeds)]
        rows.append(
            [clean(figure.way[0]), clean(figure.way[1]), *cells, error + say.number(figure.error_kmh, 1)]
        )
    return Table(f"{say('speed.title')}, km/h", head, rows, texts=2)


def turn_section(draft: Draft) -> Section | None:
    """Return the turning matrix; None where nobody passed two gates."""
    turns, say = draft.results.turns, draft.say
    number = sum(turns.values())
    if not number:
        return None
    pairs: Counter[tuple[str, str]] = Counter()
    for (origin, destination, _), count in turns.items():
        pairs[origin, destination] += count
    gates = list(dict.fromkeys(_gates(draft)))
    most = max(pairs.values())
    rows, shades = [], []
    for origin in gates:
        counts = [pairs[origin, gate] for gate in gates]
        rows.append([clean(origin), *map(say.number, counts), say.number(sum(counts))])
        shades.append([*(count / most for count in counts), 0.0])
    sums = [sum(pairs[origin, gate] for origin in gates) for gate in gates]
    foot = [say("turns.total"), *map(say.number, sums), say.number(number)]
    head = [say("turns.origin"), *(say("turns.to", gate=clean(gate)) for gate in gates), say("turns.total")]
    matrix = Table(say("turns.title"), head, rows, foot, shades=shades)
    return Section("turns", say("turns.title"), say("turns.lead", n=number), (), [matrix, _turn_table(draft)])


def _gates(draft: Draft) -> Iterator[str]:
    scene = draft.results.scene
    yield from (gate.name for gate in scene.gates) if scene else ()
    for origin, destination, _ in draft.results.turns:
        yield from (origin, destination)


def _turn_table(draft: Draft) -> Table:
    turns, say = draft.results.turns, draft.say
    names = draft.results.run.class_names
    classes = classes_of([Counter({name: count}) for (*_, name), count in turns.items()], names)
    pairs = list(dict.fromkeys((origin, to) for (origin, to, _), count in turns.items() if count))
    rows = [
        [clean(origin), clean(to), *(say.number(turns[origin, to, name]) for name in classes)]
        for origin, to in pairs
    ]
    head = [say("turns.origin"), say("turns.destination"), *map(say.name_class, classes)]
    return Table(say("turns.table"), head, rows, texts=2, folded=True)


def zone_section(draft: Draft) -> Section | None:
    """Return the zones' table and their chart; None of a run without zones."""
    rows, say = draft.results.zones, draft.say
    if not rows:
        return None
    totals = total_zones(rows)
    head = [say("zones.zone"), say("zones.entered"), say("zones.left"), say("zones.mean_present_head")]
    head += [
        say("zones.most_present"),
        say("zones.occupancy"),
        say("zones.most_queued_head"),
        say("zones.dwell"),
    ]
    cells = [
        [
            *(clean(zone.zone), say.number(zone.entered), say.number(zone.left)),
            *(say.number(zone.mean_present, 2), say.number(zone.most_present), say.percent(zone.occupancy)),
            *(say.number(zone.most_queued), say.duration(zone.mean_dwell_s)),
        ]
        for zone in totals
    ]
    table = Table(say("zones.title"), head, cells)
    pictures = _zone_pictures(draft)
    return Section("zones", say("zones.title"), "", pictures, [table], [say("zones.note")])


def _zone_pictures(draft: Draft) -> list[Picture]:
    say, zones = draft.say, dict[str, list[ZoneRow]]()
    for row in draft.results.zones:
        zones.setdefault(row.zone, []).append(row)
    zones = dict(list(zones.items())[:MOST_PANELS])
    if len(next(iter(zones.values()))) < 2:
        return []
    what = [
        say(
            "zones.alt_zone",
            zone=clean(zone.zone),
            present=say.number(zone.mean_present, 1),
            queue=say.number(zone.most_queued),
        )
        for zone in total_zones([row for rows in zones.values() for row in rows])
    ]
    alt = say.count("zones.alt", len(zones), what=" ".join(what))
    heights = 0.6 + 1.5 * len(zones), 0.8 + 1.4 * len(zones)
    time = draft.results.time
    return [
        picture("zones", say, heights, lambda pen: draw_zones(pen, zones, time), alt, say("zones.caption"))
    ]
