/** What the live curve is compared with: the selected profile, a past roast, or nothing. */

import { api } from './api';
import { t } from './i18n/index.svelte';
import { curveNamed } from './roasts/curves';
import { nameOf } from './roasts/names';
import { roastApi } from './roasts/requests';
import type { RoastRow } from './roasts/types';

const OFFERED = 30;
const POINTS = 400;

class Comparison {
  /** `profile`, `none`, or the id of a roast. It lasts as long as the tab. */
  choice = $state('profile');
  roasts = $state.raw<RoastRow[]>([]);
  name = $state('');
  points = $state.raw<[number, number][]>([]);

  private latest = 0;

  /** Fetch the roasts to choose from, once somebody wants to choose. */
  async offer(): Promise<void> {
    try {
      this.roasts = (await roastApi.list({ limit: OFFERED })).roasts;
    } catch {
      this.roasts = []; // without a roast log there are none
    }
  }

  async load(station: string): Promise<void> {
    this.latest += 1;
    const mine = this.latest;
    const found = await this.fetch(station).catch(() => ({ name: null, points: [] }));
    if (mine !== this.latest) return;
    this.name = found.name ?? '';
    this.points = found.points;
  }

  private async fetch(
    station: string,
  ): Promise<{ name: string | null; points: [number, number][] }> {
    if (this.choice === 'none') return { name: null, points: [] };
    if (this.choice === 'profile') return api.profile(station);
    const roast = await roastApi.roast(this.choice, POINTS);
    const beans = curveNamed(roast, 'bean_temp_c');
    const points: [number, number][] = [];
    beans?.at_s.forEach((at, index) => {
      const value = beans.values[index];
      if (at >= 0 && typeof value === 'number') points.push([at, value]);
    });
    return { name: nameOf(roast.summary, t('roasts.untitled')), points };
  }
}

export const comparison = new Comparison();
