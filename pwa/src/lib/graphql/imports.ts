/** Files that people brought: what was found in them, and whether they were applied. */
import { graphql, type ResultOf } from './document.ts';

export const importsQuery = graphql(`
  query Imports($project: ID!) {
    project(id: $project) {
      importedFiles(first: 30) {
        id
        kind
        name
        applied
        createdAt
        appliedAt
        rows
        good
        faulty
        rowsApplied
        unknownColumns
        person {
          name {
            en
            zh
          }
        }
        faults {
          row
          field
          value
          code
          params
        }
        meters {
          meterId
          name {
            en
            zh
          }
          unit
          rows
          total
          first
          last
        }
      }
    }
  }
`);

type ImportsPage = NonNullable<ResultOf<typeof importsQuery>['project']>;
export type ImportedFile = ImportsPage['importedFiles'][number];
export type FileFault = ImportedFile['faults'][number];
export const FILE_KINDS = ['readings', 'hand', 'intervals', 'production', 'stock'] as const;
export type FileKind = (typeof FILE_KINDS)[number];
