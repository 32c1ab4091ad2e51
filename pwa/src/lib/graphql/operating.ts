/** The operators' console, and deleting and restoring one's own project. */
import { graphql, type ResultOf } from './document.ts';

export const operatedQuery = graphql(`
  query OperatedProjects {
    now
    operatedProjects {
      id
      slug
      suspendedAt
      takesData
      deleteAt
      name {
        en
        zh
      }
      quota {
        pointsPerS
        storageMb
        people
        messagesPerDay
      }
      used {
        points
        refused
        messages
        messagesRefused
        people
        storedBytes
      }
      health {
        gateways
        gatewaysOnline
        lastSeenAt
        accounts {
          oldestS
        }
      }
    }
  }
`);

export const suspendMutation = graphql(`
  mutation SuspendProject($project: ID!, $takesData: Boolean!) {
    suspendProject(project: $project, takesData: $takesData) {
      id
    }
  }
`);

export const resumeMutation = graphql(`
  mutation ResumeProject($project: ID!) {
    resumeProject(project: $project) {
      id
    }
  }
`);

export const setQuotaMutation = graphql(`
  mutation SetQuota($project: ID!, $quota: QuotaInput!) {
    setQuota(project: $project, quota: $quota) {
      id
    }
  }
`);

export const deleteProjectMutation = graphql(`
  mutation DeleteProject($project: ID!, $name: String!) {
    deleteProject(project: $project, name: $name)
  }
`);

export const restoreProjectMutation = graphql(`
  mutation RestoreProject($project: ID!) {
    restoreProject(project: $project)
  }
`);

export const closedQuery = graphql(`
  query ClosedProjects {
    viewer {
      operates
      closedProjects {
        id
        suspendedAt
        deleteAt
        mayRestore
        name {
          en
          zh
        }
      }
    }
  }
`);

export type Operated = NonNullable<ResultOf<typeof operatedQuery>['operatedProjects']>[number];
export type Closed = NonNullable<ResultOf<typeof closedQuery>['viewer']>['closedProjects'][number];
