/** Groups of projects: who is in one, what they are told, and what a project lets them see. */
import { graphql, type ResultOf, type VariablesOf } from './document.ts';

export const groupsQuery = graphql(`
  query Groups {
    groups {
      id
      name
      owner
      peopleCount
      projectCount
    }
  }
`);

export const groupQuery = graphql(`
  query Group($group: ID!, $period: Period!, $day: Date!, $by: Rollup!, $energy: String) {
    group(id: $group) {
      group {
        id
        name
        owner
      }
      people {
        owner
        person {
          id
          login
          name {
            en
            zh
          }
        }
      }
      invitations {
        id
        kind
        note
        expiresAt
        usedAt
        revokedAt
      }
      figures(period: $period, day: $day, by: $by, energy: $energy) {
        kgce {
          projects
          amount {
            now
            before
          }
        }
        kgco2 {
          projects
          amount {
            now
            before
          }
        }
        costs {
          of
          projects
          amount {
            now
            before
          }
        }
        energies {
          of
          unit
          projects
          amount {
            now
            before
          }
        }
        members {
          id
          currency
          since
          name {
            en
            zh
          }
          figures {
            complete
            quality
            kgce {
              now
              before
            }
            kgco2 {
              now
              before
            }
            cost {
              now
              before
            }
            energies {
              energy
              unit
              amount {
                now
                before
              }
            }
            intensity {
              energy
              unit
              amount {
                now
                before
              }
            }
          }
        }
      }
    }
  }
`);

export const makeGroupMutation = graphql(`
  mutation MakeGroup($name: String!) {
    makeGroup(name: $name) {
      id
    }
  }
`);

export const endGroupMutation = graphql(`
  mutation EndGroup($group: ID!) {
    endGroup(group: $group)
  }
`);

export const leaveGroupMutation = graphql(`
  mutation LeaveGroup($group: ID!, $person: ID) {
    leaveGroup(group: $group, person: $person)
  }
`);

export const setGroupOwnerMutation = graphql(`
  mutation SetGroupOwner($group: ID!, $person: ID!, $owner: Boolean!) {
    setGroupOwner(group: $group, person: $person, owner: $owner) {
      id
    }
  }
`);

export const inviteToGroupMutation = graphql(`
  mutation InviteToGroup($group: ID!, $kind: GroupLink!, $days: Int!, $note: String!) {
    inviteToGroup(group: $group, kind: $kind, days: $days, note: $note) {
      link
      qr
      qrSize
    }
  }
`);

export const revokeGroupInvitationMutation = graphql(`
  mutation RevokeGroupInvitation($group: ID!, $id: ID!) {
    revokeGroupInvitation(group: $group, id: $id) {
      id
    }
  }
`);

export const groupOfferQuery = graphql(`
  query GroupOffer($token: String!) {
    groupOffer(token: $token) {
      name
      kind
    }
  }
`);

export const acceptGroupMutation = graphql(`
  mutation AcceptGroup($token: String!) {
    acceptGroupInvitation(token: $token) {
      id
    }
  }
`);

export const giveConsentMutation = graphql(`
  mutation GiveConsent($project: ID!, $token: String!, $rollups: [Rollup!]!, $since: Date!) {
    giveGroupConsent(project: $project, token: $token, rollups: $rollups, since: $since) {
      id
    }
  }
`);

export const changeConsentMutation = graphql(`
  mutation ChangeConsent($project: ID!, $id: ID!, $rollups: [Rollup!]!, $since: Date!) {
    changeGroupConsent(project: $project, id: $id, rollups: $rollups, since: $since) {
      id
    }
  }
`);

export const endConsentMutation = graphql(`
  mutation EndConsent($project: ID!, $id: ID!) {
    endGroupConsent(project: $project, id: $id) {
      id
    }
  }
`);

export const consentsQuery = graphql(`
  query Consents($project: ID!) {
    project(id: $project) {
      groupConsents {
        id
        group
        rollups
        since
        givenAt
        endedAt
        people {
          owner
          gone
          days
          last
          person {
            id
            login
            name {
              en
              zh
            }
          }
        }
      }
    }
  }
`);

export type Group = NonNullable<ResultOf<typeof groupsQuery>['groups']>[number];
export type GroupPage = NonNullable<ResultOf<typeof groupQuery>['group']>;
export type GroupAsked = VariablesOf<typeof groupQuery>;
export type Member = GroupPage['figures']['members'][number];
export type Amount = GroupPage['figures']['kgce']['amount'];
export type Rollup = GroupAsked['by'];
export type GroupKind = GroupPage['invitations'][number]['kind'];
export type Offer = ResultOf<typeof groupOfferQuery>['groupOffer'];
export type Consent = NonNullable<
  ResultOf<typeof consentsQuery>['project']
>['groupConsents'][number];
