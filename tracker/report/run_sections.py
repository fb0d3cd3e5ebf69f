"""The sections about the run itself: headline numbers, what was left out, how it was computed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

import numpy as np

from tracker.report.charts import draw_coverage, draw_reasons
from tracker.report.drawing import class_colour, picture
from tracker.report.intervals import LOW_COVERAGE, peak_hour
from tracker.report.left_out import say_what_is_missing, unseen_spans, whole_span
from tracker.report.parts import Card, Draft, Section, Share, Table
from tracker.report.results import is_vehicle
from tracker.report.summary import FEWEST_SPEEDS, WayTotal, classes_of, total_ways
from tracker.report.words import clean
from tracker.traffic.statistics import percentile_speed

_DAY_S = 86400.0


def title_of(draft: Draft) -> str:
    """Return what the place is called, or else the name of the source."""
    scene, source = draft.results.scene, draft.results.run.source
    return clean(scene.name if scene and scene.name else Path(source).stem) or clean(source) or "?"


def facts_of(draft: Draft) -> list[tuple[str, str]]:
    """Return source, period and length, each with its label."""
    results, say = draft.results, draft.say
    facts = [(say("source"), clean(results.run.source)), (say("period"), _period(draft))]
    facts.append((say("length"), say("duration", length=say.duration(results.run.duration_s))))
    if results.scene and results.scene.lines:
        facts.append((say("counting_interval"), say.duration(results.scene.interval_s)))
    return facts


def _period(draft: Draft) -> str:
    say, time = draft.say, draft.results.time
    begin, end = (time.at(edge) for edge in whole_span(draft.results))
    if begin is None or end is None:
        return say("no_clock")
    seconds = (end - begin).total_seconds() < 3600
    first, last = (f"{edge:%H:%M:%S}" if seconds else f"{edge:%H:%M}" for edge in (begin, end))
    if begin.date() == end.date():
        return f"{say.date(begin)}, {say('span', begin=first, end=last)}"
    days = {"begin_day": say.date(begin), "end_day": say.date(end)}
    return say("span_days", begin=first, end=last, **days)


def cards_of(draft: Draft) -> list[Card]:
    """Return the headline numbers: those that the run has."""
    totals = total_ways(draft.results)
    cards = [*_count_cards(draft, totals), *_speed_cards(draft)]
    seen_s, say, run = draft.results.seen_s, draft.say, draft.results.run
    if seen_s is not None and run.duration_s > 0:
        begin, end = whole_span(draft.results)
        note = say("head.coverage_note", seen=say.duration(seen_s), whole=say.duration(end - begin))
        cards.append(Card(_share(draft, min(seen_s / (end - begin), 1.0)), say("head.coverage"), note))
    note = say("head.cnn_note", runs=run.cnn_total, frames=run.frames)
    return [*cards, Card(say.percent(run.cnn_share), say("head.cnn"), note)]


def _share(draft: Draft, share: float) -> str:
    """Return a share that says 100 % only where that is so."""
    if share < 0.99 or share > 1 - 1e-6:
        return draft.say.percent(share)
    return draft.say.percent(min(share, 0.999), 1)


def _count_cards(draft: Draft, totals: Sequence[WayTotal]) -> Iterator[Card]:
    say, results = draft.say, draft.results
    vehicles = sum(total.vehicles for total in totals)
    lines = len({total.way[0] for total in totals})
    if not totals:
        tracks = len(results.tracks.ids)
        yield Card(say.number(tracks), say.count("head.tracks", tracks))
        return
    if lines == 1:
        yield Card(say.number(vehicles), say.count("head.vehicles", vehicles))
    else:
        yield Card(say.number(vehicles), say("head.crossings", lines=lines), say("head.crossings_note"))
    if any(total.pcu is not None for total in totals):
        yield Card(say.number(sum(total.pcu or 0.0 for total in totals)), say("head.pcu"))
    seen_s = results.seen_s or 0.0
    if lines == 1 and seen_s >= LOW_COVERAGE * _DAY_S:
        days = max(round(seen_s / _DAY_S), 1)
        note = say.count("head.adt_note", days, days=days)
        yield Card(say.number(vehicles / seen_s * _DAY_S), say("head.adt"), note)
    peak = peak_hour(results.intervals)
    if peak is not None:
        begin, end = (results.time.label(edge) for edge in (peak.start_s, peak.start_s + 3600))
        note = say("head.peak_note", begin=begin, end=end)
        moment = results.time.at(peak.start_s)
        if moment and results.run.duration_s > _DAY_S * 1.01:
            note = f"{say.short_date(moment)}, {note}"
        if peak.factor is not None:
            note += "; " + say("head.peak_factor", factor=say.number(peak.factor, 2))
        yield Card(say.number(peak.vehicles), say("head.peak"), note)


def _speed_cards(draft: Draft) -> Iterator[Card]:
    crossings, say = draft.results.crossings, draft.say
    driven = np.array([is_vehicle(name) for name in crossings.class_names], bool)[crossings.label]
    speeds = crossings.speed_kmh[driven & np.isfinite(crossings.speed_kmh)].tolist()
    if len(speeds) >= FEWEST_SPEEDS:
        median, v85 = percentile_speed(speeds, 0.5), percentile_speed(speeds)
        note = say("head.v85_note", median=say.number(median), n=len(speeds))
        yield Card(say.number(v85), say("head.v85"), note)


def shares_of(draft: Draft) -> tuple[str, list[Share]]:
    """Return the bar of the classes and its title: of what was counted, or else of what was tracked."""
    say, results = draft.say, draft.results
    counts = sum((total.counts for total in total_ways(results)), Counter[str]())
    counts = Counter({name: number for name, number in counts.items() if is_vehicle(name)})
    title = say("by_class")
    if not counts.total():
        title, names = say("tracks_by_class"), results.tracks.class_names
        counts = Counter(names[label] for label in results.tracks.label.tolist())
    shares, left, whole = [], 0.0, counts.total()
    for name in classes_of([counts], results.run.class_names):
        width = 100 * counts[name] / whole
        percent = say.percent(counts[name] / whole, 1)
        number = say.number(counts[name])
        shares.append(Share(say.name_class(name), number, percent, class_colour(name), left, width))
        left += width
    return title, shares


def missing_section(draft: Draft) -> Section:
    """Return the bar of what was seen, and what was left out."""
    say, results = draft.say, draft.results
    pictures = []
    seen = results.run.seen_s
    if seen:
        span = whole_span(results)
        share = min((results.seen_s or 0.0) / (span[1] - span[0]), 1.0) if span[1] > span[0] else 1.0
        gaps = len(unseen_spans(seen, span))
        made = picture(
            "coverage",
            say,
            (0.7, 0.6),
            lambda pen: draw_coverage(pen, seen, span, results.time),
            say.count("left.coverage_alt", gaps, share=_share(draft, share)),
            say("left.coverage_caption"),
        )
        pictures.append(made)
    warnings = [clean(warning) for warning in results.run.warnings]
    return Section(
        "left-out",
        say("left.title"),
        pictures=pictures,
        points=say_what_is_missing(results, say),
        quotes=(say("left.warnings"), warnings),
    )


def computing_section(draft: Draft) -> Section:
    """Return why the CNN ran, and with what the run was made."""
    say, run = draft.say, draft.results.run
    reasons = sorted(run.cnn_runs.items(), key=lambda item: -item[1])
    lead = say("run.lead", runs=run.cnn_total, frames=run.frames, share=say.percent(run.cnn_share, 1))
    tables, pictures = [_made_with(draft)], []
    if run.cnn_total:
        what = ", ".join(f"{say.name_reason(reason)} {say.number(number)}" for reason, number in reasons)
        pictures.append(
            picture(
                "cnn_runs",
                say,
                (0.3 + 0.3 * len(reasons), 0.3 + 0.28 * len(reasons)),
                lambda pen: draw_reasons(pen, run.cnn_runs),
                say("run.alt", what=what),
                say("run.caption"),
            )
        )
        tables.insert(0, _reason_table(draft, reasons))
    return Section("computing", say("run.title"), lead, pictures, tables)


def _reason_table(draft: Draft, reasons: Sequence[tuple[str, int]]) -> Table:
    say, run = draft.say, draft.results.run

    def cells(name: str, number: int) -> list[str]:
        share = number / run.frames if run.frames else None
        return [name, say.number(number), say.percent(share, 1)]

    head = [say("run.reason"), say("run.looks"), say("run.share")]
    rows = [cells(say.name_reason(reason), number) for reason, number in reasons]
    return Table(say("run.table"), head, rows, cells(say("run.all"), run.cnn_total), folded=True)


def _made_with(draft: Draft) -> Table:
    """Return what the run tells about itself; what an older file does not tell is left out."""
    say, about = draft.say, draft.results.run.about
    settings, detector = about.get("settings", {}), about.get("detector", {})
    rows = [(say("run.frames"), say.number(draft.results.run.frames))]
    if "wall_s" in about and "fps" in about:
        wall, fps = say.duration(float(about["wall_s"])), say.number(float(about["fps"]), 1)
        rows.append((say("run.speed"), say("run.speed_value", wall=wall, fps=fps)))
    sha = str(detector.get("sha256") or "")[:12]
    named = [str(detector.get("name", "")), f"({sha})" if sha else ""]
    values = [
        (say("run.detector"), " ".join(named).strip()),
        (say("run.propagate"), settings.get("propagate")),
        (say("run.trigger"), settings.get("trigger")),
        (say("run.version"), about.get("versions", {}).get("road-tracker")),
        (say("run.processor"), about.get("processor")),
        (say("run.started"), _started(draft, str(about.get("start", "")))),
    ]
    rows += [(label, clean(str(value))) for label, value in values if value]
    return Table(say("run.title"), (), rows, texts=2)


def _started(draft: Draft, text: str) -> str:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return ""
    return f"{draft.say.date(moment)}, {moment:%H:%M} {moment.tzname() or ''}".strip()
