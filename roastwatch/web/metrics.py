"""Prometheus metrics: every numeric entity of each station, and every counter of each component."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import TypeAlias

from prometheus_client import CollectorRegistry, Metric, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from roastwatch import __version__
from roastwatch.entities import ENTITIES, Entity
from roastwatch.vocabulary import ComponentState, ComponentStatus, Snapshot

Snapshots: TypeAlias = Callable[[], Mapping[str, Snapshot]]

COUNTERS = {
    "alerts_failed": "Alerts that could not be delivered to a phone service.",
    "alerts_told": "Alerts delivered to phone services.",
    "alignments": "Times a reference microphone was aligned with the roaster's.",
    "answers": "Answers received from notification buttons.",
    "blocks_dropped": "Blocks of a reference microphone dropped before they were used.",
    "blocks_too_late": "Blocks judged without sound of the reference microphone.",
    "bytes_left_over": "Bytes at the end of a stream that were less than one sample.",
    "card_overflows": "Overflows reported by the sound card.",
    "clips_kept": "Clips of sound recorded around events.",
    "connections_cut": "HTTP connections closed to make room, or because the client stalled.",
    "connections_refused": "HTTP connections refused for lack of room.",
    "cuts_found": "Places where a network microphone lost sound without saying so.",
    "datagrams_ignored": "Datagrams of a network microphone that are no sound.",
    "datagrams_late": "Datagrams of a network microphone that came too late.",
    "datagrams_lost": "Datagrams of a network microphone that never came.",
    "datagrams_reordered": "Datagrams of a network microphone that overtook others.",
    "events_dropped": "Events dropped because the sink's queue was full.",
    "events_lost": "Events that were never delivered.",
    "events_told": "Events delivered.",
    "failures": "Failed writes of recordings.",
    "guardian_restarts": "Restarts of the guardian process.",
    "instructions_failed": "Instructions that could not be carried out.",
    "left_out": "MQTT messages not published because the broker's size limit is smaller.",
    "lost_writes": "Writes to the roast log that failed.",
    "messages_refused": "Incoming messages refused because their content is not valid.",
    "packets_damaged": "Packets of a stream that could not be decoded.",
    "pops_judged": "Pops compared with a reference microphone.",
    "pops_rejected": "Pops rejected because they were louder at the reference microphone.",
    "recordings_deleted": "Old recordings deleted to stay within the limits.",
    "refused": "Requests from Home Assistant that were refused.",
    "restarts": "Restarts of the sink after a failure.",
    "ring_overruns": "Overruns of the audio ring buffer: the model was too slow.",
    "roasts_recorded": "Roasts recorded as sound.",
    "rules_done": "Actions of rules carried out.",
    "rules_refused": "Actions of rules that were refused.",
    "rules_retried": "Actions of rules sent again after the receiver was lost.",
    "samples_bridged": "Samples of short losses that were bridged.",
    "samples_cut": "Samples removed because a network microphone ran fast.",
    "samples_missed": "Samples missing from a stream that fell behind real time.",
    "samples_overrun": "Samples lost to overruns of the ring buffer.",
    "samples_replaced": "Samples that were not numbers and were replaced by silence.",
    "samples_skipped": "Samples skipped to catch up with the microphone.",
    "samples_unrecorded": "Samples not recorded because the disk was too slow.",
    "senders_refused": "Senders refused because they are not the one of the settings.",
    "task_restarts": "Restarts of background tasks after a failure.",
    "times_lost": "Times the source of sound was lost.",
    "unlogged_events": "Events sent although the roast log could not store them in time.",
    "wishes": "Commands and instructions received over MQTT or from Artisan.",
    "wishes_refused": "Commands and instructions over MQTT or from Artisan that were refused.",
}
"""What each counter of a component counts."""

_COST = "_ms_per_s"
"""The ending of a counter that is no counter: the cost of a stage, which rises and falls."""


def registry(snapshots: Snapshots) -> CollectorRegistry:
    """A registry of its own: roastwatch's metrics, and memory and processor time of this process.

    Args:
        snapshots: returns the newest snapshot of each station; called at each scrape.
    """
    made = CollectorRegistry()
    made.register(_Snapshots(snapshots))
    ProcessCollector(registry=made)
    return made


def exposition(registry: CollectorRegistry, accept: str) -> tuple[bytes, str]:
    """The metrics in the format that an `Accept` header asks for, and its content type.

    That is the Prometheus text format, or OpenMetrics if the client names it.
    """
    encoder, content_type = choose_encoder(accept)
    return encoder(registry), content_type


class _Snapshots(Collector):
    """Turns snapshots into metrics at each scrape; keeps nothing."""

    def __init__(self, snapshots: Snapshots) -> None:
        self._snapshots = snapshots

    def collect(self) -> Iterable[Metric]:
        """All metrics, each family once."""
        snapshots = self._snapshots()
        yield InfoMetricFamily("roastwatch_build", "The running version.", {"version": __version__})
        for entity in ENTITIES:
            family = _gauge(entity, snapshots)
            if family.samples:
                yield family
        yield from _components(dict(statuses(snapshots)))


def _gauge(entity: Entity, snapshots: Mapping[str, Snapshot]) -> GaugeMetricFamily:
    """An entity at all stations: its number, or 1 for the state that holds and 0 for the others."""
    text, unit = entity.help[0], entity.unit
    states = entity.device_class == "enum"
    if entity.device_class == "timestamp":
        unit = "seconds since 1970"
    if unit:
        text += f" Unit: {unit}."
    labels = ["station", "state"] if states else ["station"]
    family = GaugeMetricFamily(f"roastwatch_{entity.key}", text, labels=labels)
    for station, snapshot in snapshots.items():
        if entity.value_of is None or not entity.offered(snapshot):
            continue
        value = entity.value(snapshot)
        if states:
            for state in entity.options:
                family.add_metric([station, state], float(value == state))
        elif isinstance(value, datetime):
            family.add_metric([station], value.timestamp())
        elif isinstance(value, bool | int | float):
            family.add_metric([station], float(value))
    return family


_Key: TypeAlias = tuple[str, str]
"""Station (empty for what serves all of them) and component."""


def statuses(snapshots: Mapping[str, Snapshot]) -> Iterator[tuple[_Key, ComponentStatus]]:
    """Every component; one that serves all stations comes once for each of them."""
    for station, snapshot in snapshots.items():
        seen: dict[str, int] = {}
        for status in snapshot.parts:
            number = seen[status.name] = seen.get(status.name, 0) + 1
            name = status.name if number == 1 else f"{status.name}-{number}"  # two sinks of a type
            of_station = name.startswith(f"{station}-")
            yield (station, name.removeprefix(f"{station}-")) if of_station else ("", name), status


def _components(statuses: Mapping[_Key, ComponentStatus]) -> Iterator[Metric]:
    labels = ["station", "component"]
    states = GaugeMetricFamily(
        "roastwatch_component_state",
        "1 for the state that the component is in, 0 for the others.",
        labels=[*labels, "state"],
    )
    costs = GaugeMetricFamily(
        "roastwatch_stage_cost_ratio",
        "Processor time of a stage of the detector, in seconds for each second of sound.",
        labels=[*labels, "stage"],
    )
    counters: dict[str, CounterMetricFamily] = {}
    for key, status in statuses.items():
        for state in ComponentState:
            states.add_metric([*key, state.value], float(status.state is state))
        for name, value in status.counters:
            if name.endswith(_COST):
                costs.add_metric([*key, name.removesuffix(_COST)], value / 1000.0)
                continue
            if name not in counters:
                text = COUNTERS.get(name, "Counted by a plugin.")
                counters[name] = CounterMetricFamily(f"roastwatch_{name}", text, labels=labels)
            counters[name].add_metric([*key], value)
    yield states
    if costs.samples:
        yield costs
    yield from counters.values()
