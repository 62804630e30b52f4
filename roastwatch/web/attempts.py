"""How often a password may be tried: a few times at once, then ever more slowly."""

import ipaddress
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass

_FREE = 5
"""Failures in a row of one address before it must wait."""
_LONGEST_WAIT_S = 60.0
_FORGOTTEN_S = 900.0
"""An address that has not failed for this long begins anew."""
_ADDRESSES = 1024
_OF_ALL = 30
"""Failures a minute of all addresses together; beyond that, everybody waits."""
_MINUTE_S = 60.0


@dataclass(slots=True)
class _Failures:
    number: int
    last_s: float


class Attempts:
    """Counts failed sign-ins by address; bounded, however many addresses there are."""

    def __init__(self, clock: Callable[[], float] = lambda: time.monotonic()) -> None:
        self._clock = clock
        self._failed: OrderedDict[str, _Failures] = OrderedDict()
        """The latest failure last."""
        self._recent: deque[float] = deque(maxlen=_OF_ALL)

    def wait_s(self, address: str) -> float:
        """Seconds until an address may try; 0: now."""
        now_s = self._clock()
        failures = self._failed.get(_network(address))
        if failures is not None and now_s - failures.last_s > _FORGOTTEN_S:
            failures = None
        wait_s = 0.0
        if failures is not None and failures.number >= _FREE:
            doubled_s = 2.0 ** min(failures.number - _FREE, 10)
            wait_s = failures.last_s + min(doubled_s, _LONGEST_WAIT_S) - now_s
        if len(self._recent) == _OF_ALL:
            wait_s = max(wait_s, self._recent[0] + _MINUTE_S - now_s)
        return max(0.0, wait_s)

    def failed(self, address: str) -> None:
        """A wrong password came from an address."""
        now_s, network = self._clock(), _network(address)
        failures = self._failed.pop(network, None)
        if failures is None or now_s - failures.last_s > _FORGOTTEN_S:
            failures = _Failures(0, now_s)
        self._failed[network] = _Failures(failures.number + 1, now_s)
        self._recent.append(now_s)
        if len(self._failed) > _ADDRESSES:
            self._failed.popitem(last=False)

    def succeeded(self, address: str) -> None:
        """The right password came from an address: it begins anew."""
        self._failed.pop(_network(address), None)


def _network(address: str) -> str:
    """An IPv4 address, or the /64 of an IPv6 address, within which one machine has many."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)
