from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from shop.database import Base, Database, Key, PrimaryKey
from shop.database.dependencies import CurrentDatabase
from sqlalchemy.orm import Mapped

router = APIRouter()


class ChatMessage(Base):
    __tablename__ = "chat_messages"

    id: Mapped[PrimaryKey]
    text: Mapped[str]


async def keep(database: Database, text: str) -> Key:
    async with database.session_scope() as db:
        message = ChatMessage(text=text)
        db.add(message)
        await db.flush()  # for its key
        return message.id


@router.websocket("/chat")
async def chat(socket: WebSocket, database: CurrentDatabase) -> None:
    await socket.accept()
    try:
        while True:
            # Between messages, possibly for hours, the connection is free.
            await socket.send_json({"id": await keep(database, await socket.receive_text())})
    except WebSocketDisconnect:
        return
