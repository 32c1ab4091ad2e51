/** A project's colour takes the place of the app's own; the server has refused those too pale. */

/** Dark backgrounds want a lighter one: with this much white even black is readable on them. */
export function brandColours(accent: string): Record<string, string> {
  return {
    '--accent': `light-dark(${accent}, color-mix(in srgb, ${accent} 45%, white))`,
    '--accent-ink': 'light-dark(#ffffff, #0c1016)',
    '--accent-soft': `light-dark(color-mix(in srgb, ${accent} 6%, white), color-mix(in srgb, ${accent} 12%, #151a21))`
  };
}

/** What it returns gives the app its own colour back. */
export function wearBrand(
  accent: string,
  style: CSSStyleDeclaration = document.documentElement.style
): () => void {
  const colours = Object.entries(brandColours(accent));
  colours.forEach(([name, value]) => style.setProperty(name, value));
  return () => colours.forEach(([name]) => style.removeProperty(name));
}

export function logoPath(project: string, sha256: string): string {
  return `/api/v1/logo?project=${project}&v=${sha256.slice(0, 12)}`;
}
