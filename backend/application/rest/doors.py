"""How a REST request gets to the process, to its caller and through a project's door."""

from typing import Annotated

from fastapi import Depends, Request

from backend.application.graphql.context import Context, Door, enter_project
from backend.application.origin import address_of, caller_of, check_origin
from backend.application.web_process import WebProcess
from backend.core.errors import NotSignedIn, Unavailable
from backend.service.people.sessions import Caller


def web_process(request: Request) -> WebProcess:
    """Answer the process that serves this request."""
    process: object = request.app.state.process
    if not isinstance(process, WebProcess):
        raise Unavailable
    return process


Process = Annotated[WebProcess, Depends(web_process)]


async def maybe_caller(request: Request, process: Process) -> Caller | None:
    """Answer who is signed in; None when nobody is."""
    return await caller_of(process, request)


async def signed_in(caller: "MaybeSignedIn") -> Caller:
    """Answer who is signed in; NotSignedIn when nobody is."""
    if caller is None:
        raise NotSignedIn
    return caller


def own_page(request: Request, process: Process) -> None:
    """Refuse what another site's page sends."""
    check_origin(process, request)


MaybeSignedIn = Annotated[Caller | None, Depends(maybe_caller)]
SignedIn = Annotated[Caller, Depends(signed_in)]
OwnPage = Depends(own_page)


async def project_door(request: Request, process: Process, caller: SignedIn, project: str) -> Door:
    """Open the project named by the query; NotFound for a stranger as for one that is not there."""
    context = Context(
        process=process,
        caller=caller,
        address=address_of(request),
        user_agent=request.headers.get("user-agent"),
    )
    return await enter_project(context, project)


ProjectDoor = Annotated[Door, Depends(project_door)]
