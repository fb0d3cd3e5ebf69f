"""What is not in the figures of a run, and why: in sentences, from its files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from tracker.report.intervals import LOW_COVERAGE
from tracker.report.reading import Span
from tracker.report.results import Results, is_vehicle
from tracker.report.words import Language

#: A gap below this is the rounding of time stamps.
_SHORTEST_GAP_S = 0.05
_SHORT_TRACK_S = 1.0


def say_what_is_missing(results: Results, say: Language) -> list[str]:
    """Return a sentence for everything that was left out."""
    return [
        *_time(results, say),
        *_intervals(results, say),
        *_crossings(results, say),
        *_tracks(results, say),
        say("left.tentative"),
    ]


def unseen_spans(seen_s: Sequence[Span], whole: Span) -> list[Span]:
    """Return the gaps between the seen spans, and before and behind them."""
    edges = [(whole[0], whole[0]), *sorted(seen_s), (whole[1], whole[1])]
    gaps, until = [], whole[0]
    for begin, end in edges:
        if begin - until > _SHORTEST_GAP_S:
            gaps.append((until, begin))
        until = max(until, end)
    return gaps


def whole_span(results: Results) -> Span:
    """Return beginning and end of the run, in seconds of the video."""
    seen = results.run.seen_s or ()
    begin = min([0.0, *(span[0] for span in seen)])
    return begin, max([begin + results.run.duration_s, *(span[1] for span in seen)])


def _time(results: Results, say: Language) -> Iterator[str]:
    if not results.run.completed:
        yield say("left.broken_off")
    if results.run.seen_s is None:
        return
    gaps = unseen_spans(results.run.seen_s, whole_span(results))
    lost_s = sum(end - begin for begin, end in gaps)
    yield say.count("left.gaps", len(gaps), time=say.duration(lost_s)) if gaps else say("left.no_gaps")


def _intervals(results: Results, say: Language) -> Iterator[str]:
    intervals = results.intervals
    low = sum(interval.coverage < LOW_COVERAGE for interval in intervals)
    if low and len(intervals) > 1:
        yield say.count("left.intervals", low, of=len(intervals), share=say.percent(LOW_COVERAGE))


def _crossings(results: Results, say: Language) -> Iterator[str]:
    crossings = results.crossings
    predicted = int(crossings.predicted.sum())
    counted = sum(sum(interval.counts.values()) for interval in results.intervals)
    if predicted:
        apart = bool(results.intervals) and counted <= len(crossings) - predicted
        yield say.count("left.predicted_apart" if apart else "left.predicted", predicted, of=len(crossings))
    driven = np.array([is_vehicle(name) for name in crossings.class_names], bool)[crossings.label]
    unmeasured = int((driven & ~np.isfinite(crossings.speed_kmh)).sum())
    if np.isfinite(crossings.speed_kmh).any() and unmeasured:
        yield say.count("left.no_speed", unmeasured, of=int(driven.sum()))


def _tracks(results: Results, say: Language) -> Iterator[str]:
    tracks = results.tracks
    of = len(tracks.ids)
    if len(results.crossings):
        elsewhere = ~np.isin(tracks.ids, results.crossings.track_id)
        short = int((elsewhere & (tracks.length_s < _SHORT_TRACK_S)).sum())
        if elsewhere.any():
            missed = say.count("left.no_line", int(elsewhere.sum()), of=of)
            yield f"{missed} {say.count('left.short', short)}" if short else missed
    walking = np.array([not is_vehicle(name) for name in tracks.class_names], bool)
    persons = int(walking[tracks.label].sum()) if of else 0
    if persons:
        yield say.count("left.persons", persons, of=of)
