"""The stranger against requests for accounts: they decide on none and are told of none."""

from tests.graphql.strangers import LearnsNothing, nothing_like

QUESTIONS: dict[str, list[str]] = {
    "Query.signUpOpen": ["{ signUpOpen }"],
    "Query.signUps": ["{ signUps { login } }"],
    "Mutation.askForAccount": [
        'mutation { askForAccount(input: { name: "x", login: "%(login)s",'
        ' password: "four words apart here" }) }'
    ],
    "Mutation.approveSignUp": ['mutation { approveSignUp(id: "%(request)s") }'],
    "Mutation.refuseSignUp": ['mutation { refuseSignUp(id: "%(request)s") }'],
}


async def test_the_stranger_learns_and_changes_nothing(learns_nothing: LearnsNothing) -> None:
    names = {"request": "sgn_00000000000000000000000001", "login": "alice"}
    await learns_nothing(QUESTIONS, names, {**nothing_like(names), "login": "nobody at all"[:6]})
