/** Requests to the HTTP API. Every address is relative, so that they work under any path prefix. */

export type Role = 'viewer' | 'operator';

export interface Me {
  role: Role;
  session: boolean;
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

/** A request that was answered by a refusal; the message is the server's sentence. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    sentence: string,
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
): Promise<Response> {
  const isFile = body instanceof Blob;
  const media = isFile ? 'application/octet-stream' : 'application/json';
  const answer = await fetch(`api/v1/${path}`, {
    method,
    ...(body === undefined ? {} : { body: isFile ? body : JSON.stringify(body) }),
    headers: body === undefined ? {} : { 'Content-Type': media },
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
  if (!isResult) throw new Refused(answer.status, sentence(said, answer));
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
): Promise<T> {
  const answer = await send(path, body, method, withinMs);
  return (await answer.json().catch(() => null)) as T;
}

function sentence(said: unknown, answer: Response): string {
  const given = said !== null && typeof said === 'object' && 'error' in said ? said.error : null;
  return typeof given === 'string' ? given : `${answer.status} ${answer.statusText}`;
}

const of = (station: string) => `stations/${encodeURIComponent(station)}`;

export const api = {
  me: () => request<Me>('me'),
  signIn: (password: string) => request<{ role: Role }>('sign-in', { password }),
  signOut: () => request<object>('sign-out', {}),
  programs: () => request<{ programs: Program[] }>('programs'),
  pairingCode: () => request<{ code: string; valid_s: number }>('pairing-code', {}),
  revokeProgram: (id: string) =>
    request<object>(`programs/${encodeURIComponent(id)}`, {}, 'DELETE'),
  curve: (station: string) => request<Curve>(`${of(station)}/curve`),
  instruct: (station: string, kind: string, value?: string | number) =>
    request<Instructed>(
      `${of(station)}/instruct`,
      value === undefined ? { kind } : { kind, value },
    ),
  command: (station: string, actuator: string, percent: number) =>
    request<CommandResult>(`${of(station)}/command`, { actuator, percent }),
};
