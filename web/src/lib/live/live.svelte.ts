/** What is live, for the components: stations, connection, age; and who wants columns or events. */

import { type Columns, columnsOf } from './columns';
import { Connection, type Surroundings } from './connection';
import type { Level, RoastEvent, Stations } from './messages';

const STALE_S = 12;

type ColumnsListener = (columns: Columns) => void;
type EventListener = (event: RoastEvent) => void;

class Live {
  stations = $state.raw<Stations>({});
  version = $state('');
  /** The level of each station now; five times a second, so beside the stations. */
  levels = $state<Record<string, Level | null>>({});
  connected = $state(false);
  /** Whether a snapshot ever came. */
  known = $state(false);
  /** Seconds since the last message. */
  ageS = $state(0);
  /** Counts snapshots: what was drawn from changes is drawn anew. */
  snapshots = $state(0);

  readonly names = $derived(Object.keys(this.stations));
  readonly stale = $derived(this.known && (!this.connected || this.ageS > STALE_S));

  onRefused: () => void = () => {};

  private heardAt = 0;
  private clock: ReturnType<typeof setInterval> | undefined;
  private readonly columnsListeners = new Set<ColumnsListener>();
  private readonly eventListeners = new Set<EventListener>();
  private readonly connection = new Connection(ofBrowser(), {
    stations: (stations, snapshot) => {
      this.stations = stations;
      if (snapshot !== null) {
        this.known = true;
        this.version = snapshot.version;
        this.snapshots += 1;
        for (const [name, one] of Object.entries(stations)) this.levels[name] = one.level;
      }
    },
    event: (event) => {
      for (const listener of this.eventListeners) listener(event);
    },
    level: (station, level) => {
      this.levels[station] = level;
    },
    columns: (frame) => {
      const columns = columnsOf(frame);
      if (columns !== null) for (const listener of this.columnsListeners) listener(columns);
    },
    alive: () => {
      this.heardAt = performance.now();
      this.ageS = 0;
    },
    connected: (connected) => {
      this.connected = connected;
    },
    refused: () => this.onRefused(),
  });

  start(): void {
    this.heardAt = performance.now();
    this.connection.start();
    this.clock ??= setInterval(() => {
      this.ageS = Math.floor((performance.now() - this.heardAt) / 1000);
    }, 1000);
    document.addEventListener('visibilitychange', this.wake);
    window.addEventListener('pageshow', this.wake);
    window.addEventListener('online', this.wake);
  }

  stop(): void {
    this.connection.stop();
    clearInterval(this.clock);
    this.clock = undefined;
    document.removeEventListener('visibilitychange', this.wake);
    window.removeEventListener('pageshow', this.wake);
    window.removeEventListener('online', this.wake);
    this.connected = false;
    this.known = false;
    this.stations = {};
  }

  /** Gives every column of the spectrogram, until the returned function is called. */
  onColumns(listener: ColumnsListener): () => void {
    this.columnsListeners.add(listener);
    this.connection.subscribe(true);
    return () => {
      this.columnsListeners.delete(listener);
      if (this.columnsListeners.size === 0) this.connection.subscribe(false);
    };
  }

  /** Gives every event as it comes, until the returned function is called. */
  onEvent(listener: EventListener): () => void {
    this.eventListeners.add(listener);
    return () => {
      this.eventListeners.delete(listener);
    };
  }

  private readonly wake = (): void => {
    if (document.visibilityState === 'visible') this.connection.wake();
  };
}

function ofBrowser(): Surroundings {
  return {
    open: () => {
      const address = new URL('api/v1/live', document.baseURI);
      address.protocol = address.protocol === 'https:' ? 'wss:' : 'ws:';
      address.hash = '';
      return new WebSocket(address);
    },
    now: () => performance.now(),
    random: Math.random,
    after: (ms, what) => {
      const timer = setTimeout(what, ms);
      return () => clearTimeout(timer);
    },
  };
}

export const live = new Live();
