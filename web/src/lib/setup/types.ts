/** What the routes of the first-run wizard answer. */

import type { Node } from '../upkeep/schema';

export interface FoundMicrophone {
  name: string;
  /** As the settings file has it. */
  source: Node;
  default?: boolean;
}

export interface Microphones {
  devices: FoundMicrophone[];
  network: FoundMicrophone[];
  problems: string[];
}

export interface Heard {
  state: 'nothing' | 'opening' | 'listening' | 'ended' | 'failed';
  problem: string;
  seconds: number;
  rms_dbfs: number | null;
  peak_dbfs: number | null;
  claps: number;
  /** A code of `advice.*`; null: the level is good. */
  advice: string | null;
  limits: string[];
}

export interface Finding {
  good: boolean | null;
  text: string;
}
