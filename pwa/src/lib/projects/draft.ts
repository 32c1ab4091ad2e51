/** A project that is being thought up: what is asked, step by step, and what is sent of it. */
import type { Template } from '../graphql/projects.ts';
import type { Locale } from '../texts/catalogue.ts';

/** How a project is told. */
export interface Told {
  language: Locale;
  energyUnit: string;
  accent: string;
}

export interface Draft extends Told {
  template: string;
  name: { en: string; zh: string };
  zone: string;
  currency: string;
}

/** Choices that are called what they are. */
export function plain(values: readonly string[]): { value: string; text: string }[] {
  return values.map((value) => ({ value, text: value }));
}

/** The colour of the app itself: it is sent as none. */
export const OWN_COLOUR = '#0b6f66';

export function emptyDraft(templates: Template[], units: string[], language: Locale): Draft {
  const first = templates[0];
  return {
    template: first?.code ?? '',
    name: { en: '', zh: '' },
    zone: Intl.DateTimeFormat().resolvedOptions().timeZone,
    currency: first?.currency ?? 'CNY',
    language,
    energyUnit: units[0] ?? 'kWh',
    accent: OWN_COLOUR
  };
}

export function sentDraft(draft: Draft) {
  const { template, zone, currency, name, energyUnit } = draft;
  const traits = {
    nameEn: name.en,
    nameZh: name.zh,
    languages: languagesFrom(draft.language),
    energyUnit,
    standards: [],
    accent: sentAccent(draft.accent)
  };
  return { template, zone, currency, traits };
}

/** Papers come in the first of the languages. */
export function languagesFrom(first: Locale): Locale[] {
  return first === 'en' ? ['en', 'zh-CN'] : ['zh-CN', 'en'];
}

export function sentAccent(accent: string): string | null {
  return accent.toLowerCase() === OWN_COLOUR ? null : accent;
}
