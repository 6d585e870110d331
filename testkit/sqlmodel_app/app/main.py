from typing import Annotated

from fastapi import Depends, FastAPI
from sqlmodel import Session, select

from app.db import get_session
from app.models import Hero

app = FastAPI(title="Heroes")

SessionDep = Annotated[Session, Depends(get_session)]


@app.post("/heroes", status_code=201)
def create_hero(hero: Hero, session: SessionDep) -> Hero:
    session.add(hero)
    session.commit()
    session.refresh(hero)
    return hero


@app.get("/heroes")
def list_heroes(session: SessionDep) -> list[Hero]:
    return list(session.exec(select(Hero)).all())
