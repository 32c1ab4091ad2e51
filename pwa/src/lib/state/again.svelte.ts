/** Asks again every `ms` while `wanted()` holds; to be called where a component is made. */
export function again(load: () => unknown, ms: number, wanted: () => unknown = () => true): void {
  $effect(() => {
    if (!wanted()) return;
    const timer = setInterval(() => void load(), ms);
    return () => clearInterval(timer);
  });
}
