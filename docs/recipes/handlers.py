from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel
from shop.database import Base, Key, PrimaryKey, Repository
from shop.database.dependencies import reads, writes
from sqlalchemy import UniqueConstraint
from sqlalchemy.orm import Mapped

router = APIRouter()


class Customer(Base):
    __tablename__ = "customers"
    __table_args__ = (UniqueConstraint("email"),)

    id: Mapped[PrimaryKey]
    email: Mapped[str]


class CustomerRepository(Repository[Customer]):
    model = Customer


Customers = Annotated[CustomerRepository, writes(CustomerRepository)]
ReadCustomers = Annotated[CustomerRepository, reads(CustomerRepository)]


class CustomerRead(BaseModel):
    id: Key
    email: str


@router.post("/customers", status_code=201, response_model=CustomerRead)
async def create_customer(email: str, customers: Customers) -> Customer:
    return await customers.add(Customer(email=email))


@router.get("/customers/{customer_id}", response_model=CustomerRead)
async def read_customer(customer_id: Key, customers: ReadCustomers) -> Customer:
    return await customers.get(customer_id)
