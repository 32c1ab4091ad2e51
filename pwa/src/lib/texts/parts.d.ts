declare module '*.json?part=first' {
  const texts: Record<string, string>;
  export default texts;
}
declare module '*.json?part=rest' {
  const texts: Record<string, string>;
  export default texts;
}
