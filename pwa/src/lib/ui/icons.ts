/** Our own line icons on a grid of 24, as path data: those that the first screen may need. */
export const ICONS = {
  bolt: 'M13 2 5 13.5h6L10 22l9-12.5h-6.5z',
  bell: 'M6 16V10.5a6 6 0 0 1 12 0V16l1.5 2h-15zM10 20.5a2 2 0 0 0 4 0',
  bars: 'M5 20v-8M12 20V4M19 20v-11',
  tree: 'M4 4h6v5H4zM14 8.5h6v5h-6zM14 16h6v5h-6zM7 9v9.5h7M7 11h7',
  dots: 'M5 12h.01M12 12h.01M19 12h.01',
  check: 'M5 12.5 10 17.5 19.5 7',
  octagon: 'M8.5 3h7L21 8.5v7L15.5 21h-7L3 15.5v-7zM12 7.5v5.5M12 16.5h.01',
  triangle: 'M12 3.5 22 20H2zM12 10v4.5M12 17.2h.01',
  diamond: 'M12 3 21 12 12 21 3 12zM12 8.5v4M12 15.5h.01',
  circle: 'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM12 11v5M12 8h.01',
  right: 'm9 5 7 7-7 7',
  left: 'm15 5-7 7 7 7',
  down: 'M12 5v14M6 13l6 6 6-6',
  up: 'M12 19V5M6 11l6-6 6 6',
  clock: 'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM12 7v5l3.5 2',
  cloudoff: 'M3 3l18 18M8 7.5A5.5 5.5 0 0 1 17.4 10 4 4 0 0 1 20 16.5M6.5 10.2A4 4 0 0 0 7 18h9',
  refresh: 'M20 12a8 8 0 1 1-2.5-5.8M20 3v4.5h-4.5'
} as const;

export type IconName = keyof typeof ICONS;
