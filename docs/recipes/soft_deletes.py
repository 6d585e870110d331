from shop.database import Base, Key, PrimaryKey, Repository, SoftDelete
from sqlalchemy import Index, select, text
from sqlalchemy.orm import Mapped


class Contact(SoftDelete, Base):
    __tablename__ = "contacts"
    # Unique among rows that are not deleted, so that an address can be used again.
    __table_args__ = (Index("uq_contacts_email", "email", unique=True, postgresql_where=text("deleted_at IS NULL")),)

    id: Mapped[PrimaryKey]
    email: Mapped[str]


class ContactRepository(Repository[Contact]):
    model = Contact

    async def restore(self, key: Key) -> Contact:
        statement = select(Contact).where(Contact.id == key).execution_options(include_deleted=True)
        contact = (await self.db.scalars(statement)).one()
        return await self.update(contact, {"deleted_at": None})
