/** One plan that is edited: what the server has, the draft, its problems, and its rehearsal. */

import { untrack } from 'svelte';
import { acting } from '../acting.svelte';
import { Refused } from '../api';
import { t } from '../i18n/index.svelte';
import { preferences, type Unit } from '../preferences.svelte';
import { reasonOf } from '../roasts/loading.svelte';
import { to } from '../router.svelte';
import { type Problem, problemsOf } from './checks';
import { type Draft, draftOf, newDraft, planOf } from './draft';
import { planApi } from './requests';
import type { Batch, Plan, Rehearsal, StoredPlan } from './types';

export type Doing = '' | 'saving' | 'rehearsing' | 'deleting';

export class PlanEditing {
  /** null: a new plan, or it is not loaded yet. */
  stored = $state.raw<StoredPlan | null>(null);
  draft = $state<Draft | null>(null);
  recorded = $state.raw<string[]>([]);
  batch = $state<Batch>({ beans_g: 250, drum_c: 180 });
  rehearsal = $state.raw<Rehearsal | null>(null);
  /** Why it could not be loaded. */
  problem = $state('');
  /** What the server said of the last save or rehearsal. */
  said = $state('');
  /** What that was about, such as `steps[0]`. */
  field = $state('');
  /** Whether another person has changed the plan meanwhile. */
  outdated = $state(false);
  doing = $state<Doing>('');
  /** A draft shows its problems once it was touched. */
  showsProblems = $state(false);

  private readonly unit: Unit = untrack(() => preferences.chosen.unit);
  private kept = $state('');
  private rehearsed = $state('');

  private readonly text = $derived(this.draft === null ? '' : JSON.stringify(this.draft));
  readonly problems = $derived<Problem[]>(
    this.draft === null ? [] : problemsOf(this.draft, this.unit),
  );
  readonly dirty = $derived(this.text !== this.kept);
  /** Whether the draft or the batch has changed since the rehearsal. */
  readonly stale = $derived(this.rehearsed !== this.text + JSON.stringify(this.batch));

  constructor(private readonly planId: string | null) {}

  async load(): Promise<void> {
    try {
      const { recorded } = await planApi.list();
      this.recorded = recorded;
      if (this.planId === null) this.take(newDraft(this.unit));
      else this.show(await planApi.one(this.planId));
      this.outdated = false;
      this.said = '';
    } catch (error) {
      this.problem = reasonOf(error);
    }
  }

  /** Save it; `copy`: as another plan. */
  async save(copy = false): Promise<void> {
    const plan = this.planToSend();
    if (plan === null || this.doing !== '') return;
    const { stored } = this;
    await this.during('saving', async () => {
      if (stored === null || copy || !stored.editable) {
        const named = copy ? { ...plan, name: t('plan.copy_of', { name: plan.name }) } : plan;
        const fresh = await planApi.add(named);
        this.kept = this.text; // nothing is lost by leaving
        location.hash = to('plans', 'plan', fresh.plan_id);
      } else {
        this.stored = await planApi.change(stored.plan_id, stored.revision, plan);
        this.kept = this.text;
      }
      acting.tell(t('roast.saved'));
    });
  }

  async rehearse(): Promise<void> {
    const plan = this.planToSend(true);
    if (plan === null || this.doing !== '') return;
    const asked = this.text + JSON.stringify(this.batch);
    const batch = { ...$state.snapshot(this.batch) };
    const planId = this.stored?.plan_id ?? null;
    await this.during('rehearsing', async () => {
      const { language } = preferences;
      this.rehearsal = await planApi.rehearse(plan, planId, batch, language, this.unit === 'f');
      this.rehearsed = asked;
    });
  }

  async remove(): Promise<void> {
    const { stored } = this;
    if (stored === null || this.doing !== '') return;
    await this.during('deleting', async () => {
      await planApi.remove(stored.plan_id, stored.revision);
      this.kept = this.text;
      location.hash = to('plans');
    });
  }

  private show(stored: StoredPlan): void {
    this.stored = stored;
    this.problem = stored.problem ?? '';
    if (stored.plan !== null) this.take(draftOf(stored.plan, this.unit));
  }

  private take(draft: Draft): void {
    this.draft = draft;
    this.kept = JSON.stringify(draft);
  }

  /** What is sent; null: something in it is wrong, which is said. */
  private planToSend(unnamed = false): Plan | null {
    this.showsProblems = true;
    this.field = '';
    const serious = this.problems.filter((one) => !(unnamed && one.field === 'name'));
    const [first] = serious;
    this.said = first === undefined ? '' : `${place(first.field)}${t(first.key, first.values)}`;
    if (this.draft === null || first !== undefined) return null;
    const plan = planOf($state.snapshot(this.draft), this.unit);
    return plan.name === '' ? { ...plan, name: t('plan.unnamed') } : plan;
  }

  private async during(doing: Doing, what: () => Promise<void>): Promise<void> {
    this.doing = doing;
    this.said = '';
    try {
      await what();
    } catch (error) {
      this.said = reasonOf(error);
      if (error instanceof Refused) {
        this.field = error.field;
        if (error.status === 412) this.outdated = true;
        if (error.status === 412) this.said = t('plan.outdated');
      }
    } finally {
      this.doing = '';
    }
  }
}

/** Where a problem is, for people. */
function place(field: string): string {
  const [, kind, index] = /^(steps|target)\[(\d+)\]/.exec(field) ?? [];
  if (kind === undefined) return '';
  const number = Number(index) + 1;
  return `${t(kind === 'steps' ? 'plan.step' : 'plan.point', { number })}: `;
}
