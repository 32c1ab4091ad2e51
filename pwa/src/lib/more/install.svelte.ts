/** Putting the app on the home screen, where the browser lets a page ask for it. */
interface InstallEvent extends Event {
  prompt(): Promise<void>;
}

class Install {
  possible = $state(false);
  installed = $state(false);
  #event: InstallEvent | null = null;

  constructor() {
    if (typeof window === 'undefined') return;
    this.installed = matchMedia('(display-mode: standalone)').matches;
    addEventListener('beforeinstallprompt', (event) => {
      event.preventDefault();
      this.#event = event as InstallEvent;
      this.possible = true;
    });
    addEventListener('appinstalled', () => (this.installed = true));
  }

  async ask(): Promise<void> {
    await this.#event?.prompt();
    this.possible = false;
  }
}

export const install = new Install();
