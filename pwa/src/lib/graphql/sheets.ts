/** Reading sheets: how a figure came about. */
import { graphql, type ResultOf } from './document.ts';
import { figures } from './fragments.ts';

const register = graphql(`
  fragment RegisterParts on SheetOfRegister {
    unit
    multiplier
    raw
    total
    totalQuantity
    mean
    hours
    opening {
      at
      value
      interpolated
      before {
        at
        value
      }
      after {
        at
        value
      }
    }
    closing {
      at
      value
      interpolated
      before {
        at
        value
      }
      after {
        at
        value
      }
    }
    adjustments {
      why
      start
      end
      value
      before
      after
      factor
    }
    remarks {
      why
      start
      end
      reading
      value
    }
  }
`);

export const sheetQuery = graphql(
  `
    query ReadingSheet(
      $project: ID!
      $scope: ID!
      $period: Period!
      $at: DateTime!
      $energy: String
    ) {
      project(id: $project) {
        readingSheet(scope: $scope, period: $period, at: $at, energy: $energy) {
          scope
          name {
            en
            zh
          }
          figures {
            ...FiguresParts
          }
          rounding
          register {
            ...RegisterParts
          }
          parts {
            start
            end
            point
            register {
              ...RegisterParts
            }
          }
          virtual {
            expression
            factors {
              coefficient
              value
              part
              meter {
                id
                unit
                name {
                  en
                  zh
                }
              }
            }
            evaluated {
              part
              meters {
                name {
                  en
                  zh
                }
              }
            }
          }
          stock {
            start
            end
            opening
            found
            closing
            rule
            perDay
            totalQuantity
            papers {
              kind
              at
              value
            }
          }
          terms {
            coefficient
            start
            end
            value
            part
            meter {
              id
              unit
              name {
                en
                zh
              }
            }
          }
        }
      }
    }
  `,
  [figures, register]
);

export type ReadingSheet = NonNullable<
  NonNullable<ResultOf<typeof sheetQuery>['project']>['readingSheet']
>;
export type RegisterSheet = NonNullable<ReadingSheet['register']>;
export type Boundary = RegisterSheet['opening'];
