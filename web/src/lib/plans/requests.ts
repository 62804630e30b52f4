/** Requests about plans. */

import { request } from '../api';
import type { Language } from '../i18n/languages';
import type { Batch, Plan, Plans, Rehearsal, StoredPlan } from './types';

/** The rehearsal runs in a process of its own, which a busy computer delays. */
const REHEARSED_MS = 100_000;

const of = (planId: string) => `plans/${encodeURIComponent(planId)}`;
const replacing = (revision: string) => ({ 'If-Match': `"${revision}"` });

export const planApi = {
  list: () => request<Plans>('plans'),
  one: (planId: string) => request<StoredPlan>(of(planId)),
  add: (plan: Plan) => request<StoredPlan>('plans', { plan }),
  change: (planId: string, revision: string, plan: Plan) =>
    request<StoredPlan>(of(planId), { plan }, 'PUT', undefined, replacing(revision)),
  remove: (planId: string, revision: string) =>
    request<object>(of(planId), {}, 'DELETE', undefined, replacing(revision)),
  rehearse: (
    plan: Plan,
    planId: string | null,
    batch: Batch,
    language: Language,
    fahrenheit: boolean,
  ) =>
    request<Rehearsal>(
      'plans/rehearse',
      { plan, plan_id: planId, ...batch, language, fahrenheit },
      'POST',
      REHEARSED_MS,
    ),
};
