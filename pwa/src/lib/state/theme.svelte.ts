/** Light, dark, or as the device has it. */
import { readChoice, writeChoice } from '../store/choices.ts';

export type ThemeChoice = 'system' | 'light' | 'dark';

class Theme {
  choice = $state<ThemeChoice>('system');

  start(): void {
    const saved = readChoice('theme');
    if (saved === 'light' || saved === 'dark') this.choice = saved;
    this.#apply();
  }

  choose(choice: ThemeChoice): void {
    this.choice = choice;
    writeChoice('theme', choice === 'system' ? null : choice);
    this.#apply();
  }

  #apply(): void {
    if (this.choice === 'system') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = this.choice;
  }
}

export const theme = new Theme();
