/** Which meters fit what somebody typed. */
interface Named {
  slug: string;
  name: { en: string; zh: string };
}

/** Every word is in the short name or in the name of one of the languages. */
export function fits(meter: Named, words: string): boolean {
  const text = `${meter.slug} ${meter.name.en} ${meter.name.zh}`.toLowerCase();
  return words
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}
