from fastapi import APIRouter, HTTPException
from pydantic import BaseModel

from .config import settings

router = APIRouter(prefix="/items", tags=["items"])


class Item(BaseModel):
    name: str
    price: float


items: dict[int, Item] = {}


@router.get("/")
async def list_items() -> list[Item]:
    return list(items.values())[: settings.items_per_page]


@router.post("/{item_id}", status_code=201)
async def create_item(item_id: int, item: Item) -> Item:
    if item_id in items:
        raise HTTPException(status_code=400, detail="Item exists")
    items[item_id] = item
    return item


@router.get("/{item_id}")
async def get_item(item_id: int) -> Item:
    if item_id not in items:
        raise HTTPException(status_code=404, detail="Item not found")
    return items[item_id]
