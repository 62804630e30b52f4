/** Requests to the HTTP API. Every address is relative, so that they work under any path prefix. */

export type Role = 'viewer' | 'operator';

export interface Me {
  role: Role;
  session: boolean;
  /** True: there are no settings yet, and only the wizard runs. */
  setting_up?: boolean;
}

/** A program that was paired, such as Home Assistant. */
export interface Program {
  id: string;
  name: string;
  role: Role;
  /** UTC, ISO 8601. */
  paired_at: string;
}

export interface CommandResult {
  outcome: 'applied' | 'limited' | 'refused' | 'expired' | 'failed';
  applied: number | null;
  interlock: string | null;
  reason: string;
}

/** What became of an instruction; without `?wait=` only a first step of two is named. */
export interface Instructed {
  accepted: string;
  outcome?: string;
  reason?: string;
}

export interface Curve {
  roast_id: string | null;
  elapsed: number[];
  bean_temperature: (number | null)[];
  environment_temperature: (number | null)[];
  rate_of_rise: (number | null)[];
  heater: (number | null)[];
  fan: (number | null)[];
}

/** What a station's roast is compared with. */
export interface Profile {
  /** As it is selected; null: nothing is. */
  name: string | null;
  /** Seconds from charge, °C. */
  points: [number, number][];
}

/** A request that was answered by a refusal; the message is the server's sentence. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    sentence: string,
    /** The value that it is about, such as `steps[0].heater_percent`; empty: none. */
    readonly field = '',
    /** The body of the answer. */
    readonly said: unknown = null,
  ) {
    super(sentence);
  }
}

const WITHIN_MS = 10_000;

/** Send a request: a body is sent as JSON, a file as its bytes.
 * @throws {Refused} the server refuses; any other error: it can't be reached.
 */
export async function send(
  path: string,
  body?: object | Blob,
  method = body === undefined ? 'GET' : 'POST',
  withinMs = WITHIN_MS,
  headers: Record<string, string> = {},
): Promise<Response> {
  const isFile = body instanceof Blob;
  const media = isFile ? 'application/octet-stream' : 'application/json';
  const answer = await fetch(`api/v1/${path}`, {
    method,
    ...(body === undefined ? {} : { body: isFile ? body : JSON.stringify(body) }),
    headers: body === undefined ? headers : { 'Content-Type': media, ...headers },
    credentials: 'same-origin',
    keepalive: body !== undefined && !isFile,
    signal: AbortSignal.timeout(withinMs),
  });
  if (answer.ok) return answer;
  const said: unknown = await answer
    .clone()
    .json()
    .catch(() => null);
  // 409 of a command is its result, with the interlock and the reason.
  const isResult = said !== null && typeof said === 'object' && 'outcome' in said;
  if (!isResult) {
    throw new Refused(
      answer.status,
      of(said, 'error') ?? inShort(answer),
      of(said, 'field') ?? '',
      said,
    );
  }
  return answer;
}

/** Fetch JSON.
 * @throws {Refused} the server refuses; any other error: it can't be reached.
 */
export async function request<T>(
  path: string,
  body?: object | Blob,
  method?: string,
  withinMs?: number,
  headers?: Record<string, string>,
): Promise<T> {
  const answer = await send(path, body, method, withinMs, headers);
  return (await answer.json().catch(() => null)) as T;
}

/** A text in an answer; null: it has none of this name. */
function of(said: unknown, name: string): string | null {
  const given =
    said !== null && typeof said === 'object' && name in said
      ? (said as Record<string, unknown>)[name]
      : null;
  return typeof given === 'string' ? given : null;
}

const inShort = (answer: Response) => `${answer.status} ${answer.statusText}`;
const station = (name: string) => `stations/${encodeURIComponent(name)}`;

export const api = {
  me: () => request<Me>('me'),
  signIn: (password: string) => request<{ role: Role }>('sign-in', { password }),
  signOut: () => request<object>('sign-out', {}),
  programs: () => request<{ programs: Program[] }>('programs'),
  pairingCode: () => request<{ code: string; valid_s: number }>('pairing-code', {}),
  revokeProgram: (id: string) =>
    request<object>(`programs/${encodeURIComponent(id)}`, {}, 'DELETE'),
  curve: (name: string) => request<Curve>(`${station(name)}/curve`),
  profile: (name: string) => request<Profile>(`${station(name)}/profile`),
  instruct: (name: string, kind: string, value?: string | number) =>
    request<Instructed>(
      `${station(name)}/instruct`,
      value === undefined ? { kind } : { kind, value },
    ),
  command: (name: string, actuator: string, percent: number) =>
    request<CommandResult>(`${station(name)}/command`, { actuator, percent }),
};
