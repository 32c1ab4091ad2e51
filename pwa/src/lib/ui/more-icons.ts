/** The line icons of the other screens, as path data for `Icon`. */
export const MORE = {
  table: 'M4 5h16v14H4zM4 10h16M4 14.5h16M10 5v14',
  download: 'M12 4v11M7 10.5l5 5 5-5M5 20h14',
  box: 'M3 8l9-5 9 5v8l-9 5-9-5zM3 8l9 5 9-5M12 13v8',
  meter: 'M5 3h14v18H5zM8.5 7h7v4h-7zM9 16h.01M12 16h.01M15 16h.01',
  play: 'M7 4.5 19 12 7 19.5z',
  stop: 'M6 6h12v12H6z',
  out: 'M10 4H5v16h5M15 8l4 4-4 4M19 12h-9',
  hand: 'M8 12V5.5a1.5 1.5 0 0 1 3 0V11M11 10.5v-6a1.5 1.5 0 0 1 3 0v6M14 11V6a1.5 1.5 0 0 1 3 0v8a7 7 0 0 1-7 7 6 6 0 0 1-5-3l-2-4.2a1.5 1.5 0 0 1 2.6-1.5L8 15',
  eye: 'M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12M12 9a3 3 0 1 0 0 6 3 3 0 0 0 0-6',
  gauge: 'M4 17a8 8 0 1 1 16 0M12 17l4-5.5'
} as const;
