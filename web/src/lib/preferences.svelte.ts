/** What a person has chosen in this browser. */

import { type Language, languages } from './i18n/languages';

export type Theme = 'auto' | 'light' | 'dark';
export type Unit = 'c' | 'f';

interface Choices {
  theme: Theme;
  language: Language | 'auto';
  unit: Unit;
  sound: boolean;
  vibration: boolean;
  awake: boolean;
  station: string;
}

const KEY = 'roastwatch';
const USUAL: Choices = {
  theme: 'auto',
  language: 'auto',
  unit: 'c',
  sound: true,
  vibration: true,
  awake: true,
  station: '',
};

function read(): Choices {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(KEY) ?? '{}');
    return { ...USUAL, ...(kept !== null && typeof kept === 'object' ? kept : {}) };
  } catch {
    return { ...USUAL }; // private browsing, or spoiled
  }
}

class Preferences {
  chosen = $state<Choices>(read());

  readonly language = $derived<Language>(
    this.chosen.language === 'auto' ? ofBrowser() : this.chosen.language,
  );

  constructor() {
    $effect.root(() => {
      $effect(() => {
        const text = JSON.stringify(this.chosen);
        try {
          localStorage.setItem(KEY, text);
        } catch {
          // it lasts as long as the tab
        }
      });
      $effect(() => {
        const root = document.documentElement;
        root.lang = this.language;
        if (this.chosen.theme === 'auto') delete root.dataset['theme'];
        else root.dataset['theme'] = this.chosen.theme;
      });
    });
  }
}

function ofBrowser(): Language {
  const wished = navigator.languages.map((one) => one.slice(0, 2).toLowerCase());
  return (
    languages.find((one) => one === wished.find((two) => languages.includes(two as Language))) ??
    'en'
  );
}

export const preferences = new Preferences();
