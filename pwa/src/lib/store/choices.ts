/** Small choices of this device (language, theme, project); works without storage too. */
export function readChoice(name: string): string | null {
  try {
    return localStorage.getItem(`kilowise.${name}`);
  } catch {
    return null;
  }
}

export function writeChoice(name: string, value: string | null): void {
  try {
    if (value === null) localStorage.removeItem(`kilowise.${name}`);
    else localStorage.setItem(`kilowise.${name}`, value);
  } catch {
    // A private window without storage: the choice holds until it is closed.
  }
}
