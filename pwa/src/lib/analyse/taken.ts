/** A file of figures that the app writes by itself: noted in the audit first, then handed out. */
import { csvOf } from '../chart/series.ts';
import { noteExportedMutation, type Exported } from '../graphql/exported.ts';
import { AppError, asAppError } from '../net/errors.ts';
import { request } from '../net/request.ts';

/** What the file is called, and its lines. */
export interface Sheet {
  name: string;
  header: string[];
  rows: (string | number | null)[][];
}

/** An AppError where it cannot be noted (`export_offline`, ...): then nothing is written. */
export async function takeAway(
  project: string,
  about: Omit<Exported, 'rows'>,
  sheet: Sheet
): Promise<void> {
  // Not called `input`: what has ended and is called so is asked for as what never changes.
  const exported = { ...about, rows: sheet.rows.length };
  try {
    await request(noteExportedMutation, { project, exported });
  } catch (cause) {
    const error = asAppError(cause);
    throw error.code === 'offline' ? new AppError('export_offline') : error;
  }
  const blob = new Blob(['\ufeff', csvOf(sheet.header, sheet.rows)], { type: 'text/csv' });
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = sheet.name;
  link.click();
  URL.revokeObjectURL(link.href);
}
