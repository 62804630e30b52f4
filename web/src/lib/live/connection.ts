/**
 * The one WebSocket of a tab. It reconnects without end, after a random wait that grows ("full
 * jitter"), and at once when the tab is shown again or the network is back. A connection on which
 * nothing comes for 20 s is dead, whatever the browser says.
 */

import type { Level, Message, RoastEvent, SnapshotMessage, Stations } from './messages';
import { applied } from './stations';

export interface Socket {
  binaryType: BinaryType;
  readonly readyState: number;
  onopen: ((event: Event) => void) | null;
  onmessage: ((event: MessageEvent) => void) | null;
  onclose: ((event: CloseEvent) => void) | null;
  send(data: string): void;
  close(): void;
}

/** What the connection needs of a browser; tests give their own. */
export interface Surroundings {
  open(): Socket;
  now(): number;
  random(): number;
  after(ms: number, what: () => void): () => void;
}

export interface Listener {
  /** All that is known has changed; a snapshot says that it may have changed in any way. */
  stations(stations: Stations, snapshot: SnapshotMessage | null): void;
  event(event: RoastEvent): void;
  columns(frame: ArrayBuffer): void;
  level(station: string, level: Level): void;
  /** Something arrived. */
  alive(): void;
  connected(connected: boolean): void;
  /** The server closed the connection for good reason: look whether sign-in is needed. */
  refused(): void;
}

const DEAD_MS = 20_000;
const BEAT_MS = 15_000;
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 10_000;
const OPEN = 1;
const POLICY_VIOLATION = 1008;

export class Connection {
  private socket: Socket | null = null;
  private stations: Stations = {};
  private failures = 0;
  private heardAt = 0;
  private waiting: (() => void) | null = null;
  private watching: (() => void) | null = null;
  private wanted = false;
  private asked = false;
  private wantsColumns = false;

  constructor(
    private readonly around: Surroundings,
    private readonly listener: Listener,
  ) {}

  start(): void {
    this.wanted = true;
    if (this.socket === null && this.waiting === null) this.connect();
  }

  stop(): void {
    this.wanted = false;
    this.drop();
    this.cancelWait();
  }

  /** The tab is shown again, or the network is back: a socket that slept may be dead unnoticed. */
  wake(): void {
    if (!this.wanted) return;
    const silent = this.around.now() - this.heardAt > BEAT_MS;
    if (this.socket !== null && !silent) return;
    this.failures = 0;
    this.drop();
    this.cancelWait();
    this.connect();
  }

  /** Whether the spectrogram is wanted: only while it is seen. */
  subscribe(spectrogram: boolean): void {
    this.wantsColumns = spectrogram;
    this.send({ type: 'subscribe', spectrogram });
  }

  private connect(): void {
    const socket = this.around.open();
    this.socket = socket;
    this.heardAt = this.around.now();
    this.asked = false;
    socket.binaryType = 'arraybuffer';
    socket.onmessage = (event) => {
      if (this.socket === socket) this.receive(event.data);
    };
    socket.onclose = (event) => {
      if (this.socket !== socket) return;
      this.socket = null;
      this.lost(event.code);
    };
    this.watch();
  }

  private receive(data: string | ArrayBuffer): void {
    this.heardAt = this.around.now();
    this.listener.alive();
    if (typeof data !== 'string') {
      this.listener.columns(data);
      return;
    }
    const message = JSON.parse(data) as Message;
    switch (message.type) {
      case 'snapshot':
        this.failures = 0;
        this.asked = false;
        this.stations = message.stations;
        this.listener.connected(true);
        this.listener.stations(this.stations, message);
        if (this.wantsColumns) this.send({ type: 'subscribe', spectrogram: true });
        return;
      case 'state':
      case 'event':
      case 'pops': {
        if (this.asked) return; // the snapshot on its way has it
        const next = applied(this.stations, message);
        if (next === null) {
          this.asked = true;
          this.send({ type: 'snapshot' });
          return;
        }
        const isNew = next !== this.stations;
        this.stations = next;
        if (isNew) this.listener.stations(next, null);
        if (isNew && message.type === 'event') this.listener.event(message.event);
        return;
      }
      case 'level':
        this.listener.level(message.station, message);
        return;
      default:
        return; // a beat; errors end the connection, which says it as well
    }
  }

  private send(message: object): void {
    if (this.socket?.readyState === OPEN) this.socket.send(JSON.stringify(message));
  }

  private lost(code: number): void {
    this.listener.connected(false);
    this.watching?.();
    this.watching = null;
    if (!this.wanted) return;
    // A browser does not say why a handshake failed: it may be that nobody is signed in.
    if (code === POLICY_VIOLATION || this.failures === 0) this.listener.refused();
    const most = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** this.failures);
    this.failures += 1;
    this.cancelWait();
    this.waiting = this.around.after(this.around.random() * most, () => {
      this.waiting = null;
      if (this.wanted) this.connect();
    });
  }

  /** Ends a connection on which nothing comes any more. */
  private watch(): void {
    this.watching?.();
    this.watching = this.around.after(1000, () => {
      if (this.socket === null) return;
      if (this.around.now() - this.heardAt < DEAD_MS) {
        this.watch();
        return;
      }
      this.drop();
      this.lost(0);
    });
  }

  private drop(): void {
    const socket = this.socket;
    this.socket = null;
    this.watching?.();
    this.watching = null;
    if (socket !== null) {
      socket.onmessage = null;
      socket.onclose = null;
      socket.close();
    }
  }

  private cancelWait(): void {
    this.waiting?.();
    this.waiting = null;
  }
}
