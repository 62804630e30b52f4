"""The phases of a roast, and its one growing first crack."""

from datetime import UTC, datetime, timedelta

from roastwatch.roast.priors import TimePrior
from roastwatch.roast.roast import Roast, RoastOptions
from roastwatch.vocabulary import EventKind, EvidenceKind, Level, Origin, Phase

START = datetime(2026, 1, 1, 12, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def charged(expected_first_crack_s: float | None = None) -> Roast:
    roast = Roast("kitchen", RoastOptions(expected_first_crack_s=expected_first_crack_s))
    roast.begin(START, Origin.PERSON)
    return roast


def test_first_crack_grows_under_one_id_and_keeps_its_onset() -> None:
    roast = charged()
    [possible] = roast.crack(EventKind.FIRST_CRACK, Level.POSSIBLE, at(500), at(505))
    assert roast.phase is Phase.ROASTING
    [decided] = roast.crack(EventKind.FIRST_CRACK, Level.FIRST_CRACK, at(500), at(512))
    [certain] = roast.crack(EventKind.FIRST_CRACK, Level.CERTAIN, at(498), at(520))
    assert possible.event_id == decided.event_id == certain.event_id
    assert roast.phase is Phase.FIRST_CRACK
    assert roast.development_s(at(598)) == 100
    assert roast.development_ratio_percent(at(598)) == 100 * 100 / 598


def test_lower_level_after_a_higher_one_is_ignored() -> None:
    roast = charged()
    roast.crack(EventKind.FIRST_CRACK, Level.CERTAIN, at(500), at(512))
    assert roast.crack(EventKind.FIRST_CRACK, Level.POSSIBLE, at(500), at(530)) == []


def test_revoked_first_crack_is_followed_by_one_with_a_new_id() -> None:
    roast = charged()
    [first] = roast.crack(EventKind.FIRST_CRACK, Level.FIRST_CRACK, at(200), at(212))
    [revoked] = roast.not_a_crack(at(220))
    assert revoked.event_id == first.event_id
    assert revoked.revoked
    assert roast.phase is Phase.ROASTING
    [second] = roast.crack(EventKind.FIRST_CRACK, Level.FIRST_CRACK, at(500), at(512))
    assert second.event_id != first.event_id


def test_roast_ends_by_itself_after_the_drop() -> None:
    roast = charged()
    roast.drop(at(600), Origin.PERSON)
    assert roast.phase is Phase.DROPPED
    assert roast.elapsed_s(at(700)) == 600
    assert roast.tick(at(620)) == []
    assert roast.phase is Phase.COOLING
    [end] = roast.tick(at(850))
    assert end.kind is EventKind.COOL_END
    assert roast.phase is Phase.IDLE


def test_recording_that_ends_ends_its_roast_and_its_cooling() -> None:
    roast = charged()
    roast.drop(at(600), Origin.PERSON)
    [end] = roast.sound_ended(at(630))
    assert (end.kind, end.happened_at) == (EventKind.COOL_END, at(630))
    assert (roast.phase, roast.roast_id) == (Phase.IDLE, None)


def test_recording_that_ends_before_the_drop_reports_nothing() -> None:
    roast = charged()
    assert roast.sound_ended(at(600)) == []
    assert (roast.phase, roast.roast_id) == (Phase.IDLE, None)
    assert roast.sound_ended(at(601)) == []


def test_roast_stopped_before_the_drop_gives_a_stopped_event() -> None:
    roast = charged()
    [end] = roast.finish(at(300), Origin.PERSON)
    assert (end.kind, end.roast_id is None) == (EventKind.STOPPED, False)
    assert roast.phase is Phase.IDLE
    assert roast.finish(at(301), Origin.PERSON) == []


def test_late_first_crack_is_reported_once() -> None:
    roast = charged()
    assert roast.tick(at(800)) == []
    [late] = roast.tick(at(841))
    assert late.kind is EventKind.NO_CRACK_YET
    assert roast.tick(at(900)) == []


def test_time_since_charge_shifts_but_never_excludes_a_crack() -> None:
    roast = charged()
    said = [roast.prior_llr(at(seconds)) for seconds in (0, 120, 240, 360, 3600)]
    assert said == sorted(said)
    assert said[0] == said[1] == -3.0  # no beans crack this early
    assert said[-1] == 0.2


def test_earlier_roasts_give_the_expected_first_crack() -> None:
    assert TimePrior.of([500, 520]) is None
    usual = TimePrior.of([500, 520, 560, 510, 900])
    assert usual is not None
    assert usual.usual_s == 520
    assert 20 <= usual.spread_s < 45  # a single outlier hardly counts
    roast = charged()
    roast.usual = usual
    said = [roast.prior_llr(at(seconds)) for seconds in (0, 300, 440, 520, 1500)]
    assert said[0] == -2.0
    assert said[0] == said[1] < said[2] < said[3] == 1.0
    assert said[4] == 0.5  # a slow roast: the crack is still due
    [news] = roast.evidence(at(520))
    assert (news.kind, news.log_likelihood_ratio) == (EvidenceKind.TIME, 1.0)
    assert roast.evidence(at(521)) == []


def test_set_time_overrides_earlier_roasts_and_no_charge_both() -> None:
    roast = charged(expected_first_crack_s=300.0)
    roast.usual = TimePrior(600.0, 20.0)
    assert roast.prior_llr(at(300)) > 0
    unknown = Roast("kitchen", RoastOptions(), usual=TimePrior(600.0, 20.0))
    unknown.begin(START, Origin.SOUND, start_known=False)
    assert unknown.prior_llr(at(60)) == unknown.prior_llr(at(600)) == 0.0
    assert unknown.evidence(at(600)) == []


def test_unknown_start_gives_no_ratio_and_no_prior() -> None:
    roast = Roast("kitchen", RoastOptions())
    assert roast.begin(START, Origin.SOUND, start_known=False) == []
    roast.crack(EventKind.FIRST_CRACK, Level.FIRST_CRACK, at(500), at(512))
    assert roast.prior_llr(at(60)) == 0.0
    assert roast.development_ratio_percent(at(600)) is None
    assert roast.development_s(at(600)) == 100


def test_resumed_roast_keeps_its_events_and_numbering() -> None:
    roast = charged()
    events = roast.crack(EventKind.FIRST_CRACK, Level.FIRST_CRACK, at(500), at(512))
    again = Roast("kitchen", RoastOptions())
    assert roast.roast_id is not None
    again.resume(roast.roast_id, START, events)
    assert again.phase is Phase.FIRST_CRACK
    assert again.first_crack == events[0]
    assert again.elapsed_s(at(520)) == 520


def test_late_first_crack_is_reported_once_despite_a_restart() -> None:
    roast = charged()
    events = roast.tick(at(841))
    assert [event.kind for event in events] == [EventKind.NO_CRACK_YET]
    again = Roast("kitchen", RoastOptions())
    assert roast.roast_id is not None
    again.resume(roast.roast_id, START, events)
    assert again.tick(at(860)) == []
