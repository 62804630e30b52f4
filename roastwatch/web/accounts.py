"""Who may use the API: the password of each role, sessions of browsers, and paired programs.

Only hashes are kept: scrypt of a password, SHA-256 of the token of a session or a program, in a
file that only its owner may read. A password that has no hash yet is created, and its caller shows
it once.
"""

import asyncio
import hashlib
import hmac
import json
import logging
import secrets
import time
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from roastwatch.errors import BadInputError, RefusedError, SettingsError
from roastwatch.files.atomic import write_whole

_log = logging.getLogger(__name__)
SESSION_S = 30 * 86_400
"""A session ends this long after its sign-in."""
CODE_S = 900.0
"""A pairing code is valid for this long."""
SHORTEST, LONGEST = 10, 200
"""Characters of a password that a person chooses."""
_MOST_SESSIONS = 64
"""At one more the oldest ends."""
MOST_PROGRAMS = 32
LONGEST_NAME = 60
"""Characters of a program's name."""
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
"""Without those that look alike."""
_LARGEST_FILE = 65_536
_N, _R, _P = 2**14, 8, 5
"""OWASP's minimum for scrypt."""


class Role(StrEnum):
    """What a caller may do: look, or act too."""

    VIEWER = "viewer"
    OPERATOR = "operator"


class PasswordHash(BaseModel):
    """The scrypt hash of a password."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    salt: str = Field(pattern="^[0-9a-f]{32}$")
    hash: str = Field(pattern="^[0-9a-f]{64}$")
    n: int = Field(ge=2**10, le=2**20)
    r: int = Field(ge=1, le=32)
    p: int = Field(ge=1, le=16)

    @classmethod
    def of(cls, password: str) -> "PasswordHash":
        """Hash a password with a new salt; takes some 0.3 s and 16 MiB."""
        empty = cls(salt=secrets.token_hex(16), hash="0" * 64, n=_N, r=_R, p=_P)
        return empty.model_copy(update={"hash": empty._derived(password)})

    def fits(self, password: str) -> bool:
        """Whether it is the hash of this password; takes as long for a wrong one."""
        return hmac.compare_digest(self._derived(password), self.hash)

    def _derived(self, password: str) -> str:
        return hashlib.scrypt(
            password.encode("utf-8", "surrogatepass"),
            salt=bytes.fromhex(self.salt),
            n=self.n,
            r=self.r,
            p=self.p,
            maxmem=256 * self.n * self.r,
            dklen=32,
        ).hex()


class Session(BaseModel):
    """A browser that has signed in."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(pattern="^[0-9a-f]{64}$")
    """SHA-256 of its token."""
    role: Role
    ends_at: float
    """Seconds since 1970."""


class Program(BaseModel):
    """A program that was paired, such as Home Assistant. Its token lasts until it is revoked."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(pattern="^[0-9a-f]{8}$")
    """By which people name it."""
    token: str = Field(pattern="^[0-9a-f]{64}$")
    """SHA-256 of its token."""
    name: str = Field(min_length=1, max_length=LONGEST_NAME)
    role: Role
    paired_at: float
    """Seconds since 1970."""


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    passwords: dict[Role, PasswordHash] = Field(default_factory=dict)
    sessions: list[Session] = Field(default_factory=list)
    programs: list[Program] = Field(default_factory=list)


class Accounts:
    """Passwords, sessions and programs. Without a path they last as long as the process."""

    def __init__(self, path: Path | None, now: Callable[[], float] = lambda: time.time()) -> None:
        """Read the file, if there is one.

        Raises:
            SettingsError: it can't be read, or isn't ours; the text says what to do.
        """
        self._path = path
        self._now = now
        self._stored = self._state_of_file()
        found = _read(path) if path is not None else _File()
        self._passwords = found.passwords
        self._sessions = {one.id: one for one in found.sessions}
        """The oldest first."""
        self._programs = {one.token: one for one in found.programs}
        self._writing = asyncio.Lock()
        self._code, self._code_until_s = "", 0.0

    def new_code(self) -> str:
        """A pairing code, which signs in one operator once; an earlier one ends."""
        self._code, self._code_until_s = _new_password(2), self._now() + CODE_S
        return self._code

    def pair(self, code: str) -> bool:
        """Whether this is the pairing code, however it is written; it is used up by that."""
        letters = "".join(one for one in code.lower() if one.isalnum())
        given = letters.encode("utf-8", "surrogatepass")
        known = self._code.replace("-", "").encode()
        if not self._code or self._now() >= self._code_until_s:
            return False
        if not hmac.compare_digest(given, known):
            return False
        self._code = ""
        return True

    async def create_missing(self) -> dict[Role, str]:
        """Give each role a password that has none, and return the new ones to be shown."""
        created = {}
        for role in reversed(Role):  # the operator's is checked first
            if role not in self._passwords:
                created[role] = _new_password()
                hashed = await asyncio.to_thread(PasswordHash.of, created[role])
                self._passwords[role] = hashed
        if created:
            await self._save()
        return created

    async def role_of(self, password: str) -> Role | None:
        """The role whose password this is."""
        kept = list(self._passwords.items())
        return await asyncio.to_thread(
            lambda: next((role for role, hashed in kept if hashed.fits(password)), None)
        )

    async def change(self, role: Role, password: str) -> None:
        """Give a role another password, and end all its sessions.

        Raises:
            BadInputError: it is the other role's password.
        """
        if await self.role_of(password) not in (None, role):
            raise BadInputError("This is the other role's password: choose another one.")
        self._passwords[role] = await asyncio.to_thread(PasswordHash.of, password)
        self._look_at_file()
        self._sessions = {key: one for key, one in self._sessions.items() if one.role is not role}
        await self._save()

    async def begin(self, role: Role) -> str:
        """Begin a session and return its token, which only the browser keeps."""
        now_s = self._now()
        self._look_at_file()
        token = secrets.token_urlsafe(32)
        kept = [one for one in self._sessions.values() if one.ends_at > now_s]
        kept = kept[-(_MOST_SESSIONS - 1) :]
        kept.append(Session(id=_id_of(token), role=role, ends_at=now_s + SESSION_S))
        self._sessions = {one.id: one for one in kept}
        await self._save()
        return token

    async def end(self, session_id: str) -> None:
        """End a session."""
        self._look_at_file()
        if self._sessions.pop(session_id, None) is not None:
            await self._save()

    def session(self, token: str) -> Session | None:
        """The session of a browser's token, if it has not ended."""
        found = self._sessions.get(_id_of(token))
        return found if found is not None and self.lasts(found.id) else None

    def lasts(self, session_id: str) -> bool:
        """Whether a session has not ended."""
        found = self._sessions.get(session_id)
        return found is not None and found.ends_at > self._now()

    async def pair_program(self, role: Role, name: str) -> str:
        """Let a program in and return its token, which only the program keeps.

        Raises:
            RefusedError: there are too many programs.
        """
        programs = self.programs()
        if len(programs) >= MOST_PROGRAMS:
            raise RefusedError("Too many programs are paired: revoke one first.")
        token, taken = secrets.token_urlsafe(32), {one.id for one in programs}
        name_of_it = next(one for one in iter(lambda: secrets.token_hex(4), "") if one not in taken)
        program = Program(
            id=name_of_it, token=_id_of(token), name=name, role=role, paired_at=self._now()
        )
        self._programs[program.token] = program
        await self._save()
        return token

    def programs(self) -> list[Program]:
        """The paired programs, the oldest first."""
        self._look_at_file()
        return list(self._programs.values())

    def program(self, token: str) -> Program | None:
        """The program with this token, if it was not revoked."""
        self._look_at_file()
        return self._programs.get(_id_of(token))

    async def revoke(self, program_id: str) -> bool:
        """End the pairing of a program. False: there is none with this id."""
        found = next((one for one in self.programs() if one.id == program_id), None)
        if found is None:
            return False
        del self._programs[found.token]
        await self._save()
        return True

    def _look_at_file(self) -> None:
        """Another process may have revoked a program: `roastwatch programs`."""
        state = self._state_of_file()
        if self._path is None or state is None or state == self._stored or self._writing.locked():
            return
        self._stored = state
        try:
            self._programs = {one.token: one for one in _read(self._path).programs}
        except SettingsError as error:
            _log.warning("%s", error)

    def _state_of_file(self) -> tuple[int, int] | None:
        """What differs once the file is replaced; None: there is none."""
        if self._path is None:
            return None
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_ino, found.st_ctime_ns

    async def _save(self) -> None:
        """Keep all of it. On a full disk it lasts until the process ends, which is logged."""
        if self._path is None:
            return
        async with self._writing:
            whole = _File(
                passwords=self._passwords,
                sessions=list(self._sessions.values()),
                programs=list(self._programs.values()),
            )
            text = whole.model_dump_json(indent=1) + "\n"
            try:
                await asyncio.to_thread(write_whole, self._path, text, private=True)
                self._stored = self._state_of_file()
            except OSError as error:
                _log.warning(
                    "Passwords, sessions and programs can't be stored in %s (%s): they last until "
                    "roastwatch ends",
                    self._path,
                    error.strerror,
                )


def _read(path: Path) -> _File:
    again = "correct that, or delete it to have new passwords created"
    try:
        with path.open("rb") as file:
            raw = file.read(_LARGEST_FILE + 1)
    except FileNotFoundError:
        return _File()
    except OSError as error:
        raise SettingsError(f"{path} can't be read ({error.strerror}): {again}.") from error
    try:
        return _File.model_validate(json.loads(raw))
    except (ValidationError, ValueError, RecursionError):
        raise SettingsError(f"{path} is no file of passwords: {again}.") from None


def _id_of(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


def _new_password(number: int = 4) -> str:
    """Groups of four letters and digits, of 20 bits each."""
    groups = ("".join(secrets.choice(_LETTERS) for _ in range(4)) for _ in range(number))
    return "-".join(groups)
