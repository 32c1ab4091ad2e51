/** Making a project, and what it is called and looks like. */
import { graphql, type ResultOf } from './document.ts';

export const templatesQuery = graphql(`
  query ProjectTemplates {
    energyUnits
    standards {
      code
      editions
      name {
        en
        zh
      }
    }
    projectTemplates {
      code
      zone
      currency
      name {
        en
        zh
      }
      about {
        en
        zh
      }
      places {
        en
        zh
      }
    }
  }
`);

export const createProjectMutation = graphql(`
  mutation CreateProject($input: NewProjectInput!) {
    createProject(input: $input) {
      id
    }
  }
`);

export const traitsQuery = graphql(`
  query ProjectTraits($project: ID!) {
    energyUnits
    standards {
      code
      editions
      name {
        en
        zh
      }
    }
    project(id: $project) {
      name {
        en
        zh
      }
      traits {
        accent
        languages
        energyUnit
        logo
        standards {
          standard
          edition
        }
      }
    }
  }
`);

export const setProjectMutation = graphql(`
  mutation SetProject($project: ID!, $input: ProjectTraitsInput!) {
    setProject(project: $project, input: $input)
  }
`);

export const setLogoMutation = graphql(`
  mutation SetLogo($project: ID!, $file: String) {
    setLogo(project: $project, file: $file)
  }
`);

export const exportsQuery = graphql(`
  query ProjectExports($project: ID!) {
    project(id: $project) {
      exports {
        id
        state
        progress
        bytes
        createdAt
      }
    }
  }
`);

export const exportMutation = graphql(`
  mutation ExportProject($project: ID!) {
    exportProject(project: $project) {
      id
    }
  }
`);

export type Export = NonNullable<ResultOf<typeof exportsQuery>['project']>['exports'][number];
export type Offer = ResultOf<typeof templatesQuery>;
export type Template = Offer['projectTemplates'][number];
export type Standard = Offer['standards'][number];
export type TraitsPage = NonNullable<ResultOf<typeof traitsQuery>['project']>;
