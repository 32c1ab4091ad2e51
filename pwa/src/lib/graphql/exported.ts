/** Files that the app writes by itself stand in the audit. */
import { graphql, type VariablesOf } from './document.ts';

export const noteExportedMutation = graphql(`
  mutation NoteExported($project: ID!, $exported: ExportedInput!) {
    noteExported(project: $project, input: $exported)
  }
`);

export type Exported = VariablesOf<typeof noteExportedMutation>['exported'];
