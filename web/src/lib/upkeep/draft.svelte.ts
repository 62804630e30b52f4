/** The settings as a person changes them, until they are saved. */

import { Refused } from '../api';
import { reasonOf } from '../roasts/loading.svelte';
import { problemsOf, upkeepApi } from './requests';
import type { Node, Schemas } from './schema';
import type { SettingsProblem, SettingsShown } from './types';

export class Draft {
  schemas = $state.raw<Schemas | null>(null);
  values = $state<Node | null>(null);
  file = $state('');
  restartNeeded = $state(false);
  /** Sentences by the path of their key. */
  problems = $state<Record<string, string>>({});
  /** Why the settings can't be shown. */
  problem = $state('');
  /** Why they were not saved. */
  refusal = $state('');
  saving = $state(false);
  /** Counts what was loaded, so that forms begin anew. */
  version = $state(0);

  private tag = '';
  private before = '';

  get changed(): boolean {
    return JSON.stringify(this.values) !== this.before;
  }

  get stations(): Node[] {
    return this.list('stations');
  }

  get sinks(): Node[] {
    return this.list('sinks');
  }

  async load(): Promise<void> {
    try {
      const [schemas, { found, tag }] = await Promise.all([
        this.schemas ?? upkeepApi.schemas(),
        upkeepApi.settings(),
      ]);
      this.schemas = schemas;
      this.take(found, tag);
      this.problem = '';
    } catch (error) {
      this.problem = reasonOf(error);
    }
  }

  /** Save it; says whether that was done. */
  async save(): Promise<boolean> {
    if (this.saving || this.values === null) return false;
    this.saving = true;
    this.refusal = '';
    this.problems = {};
    try {
      const { found, tag } = await upkeepApi.save($state.snapshot(this.values) as Node, this.tag);
      this.take(found, tag);
      return true;
    } catch (error) {
      this.refusal = reasonOf(error);
      if (error instanceof Refused) this.problems = byPath(problemsOf(error));
      return false;
    } finally {
      this.saving = false;
    }
  }

  private take(found: SettingsShown, tag: string): void {
    this.values = found.values;
    // A short form such as `sinks: [console]` gets a place for options.
    this.values['stations'] ??= [{}];
    this.values['sinks'] = ((found.values['sinks'] as unknown[] | undefined) ?? []).map((one) =>
      typeof one === 'string' ? { type: one } : one,
    );
    this.file = found.file;
    this.restartNeeded = found.restart_needed;
    this.problems = byPath(found.problems);
    this.tag = tag;
    this.refusal = '';
    this.before = JSON.stringify(this.values);
    this.version += 1;
  }

  private list(key: string): Node[] {
    const found = this.values?.[key];
    return Array.isArray(found) ? (found as Node[]) : [];
  }
}

function byPath(found: SettingsProblem[]): Record<string, string> {
  return Object.fromEntries(found.map((one) => [one.path, one.message]));
}
