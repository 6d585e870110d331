from shop.database import Base, Key, PrimaryKey
from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column, relationship


class Invoice(Base):
    __tablename__ = "invoices"

    id: Mapped[PrimaryKey]
    customer: Mapped[str]

    lines: Mapped[list["InvoiceLine"]] = relationship(
        back_populates="invoice",
        lazy="raise",
        # A line that is removed from the list is deleted.
        cascade="all, delete-orphan",
        # PostgreSQL deletes the lines together with their invoice, without loading them.
        passive_deletes=True,
        order_by="InvoiceLine.id",
    )


class InvoiceLine(Base):
    __tablename__ = "invoice_lines"
    # PostgreSQL does not index foreign keys, and deleting an invoice searches for its lines.
    __table_args__ = (Index(None, "invoice_id"),)

    id: Mapped[PrimaryKey]
    invoice_id: Mapped[Key] = mapped_column(ForeignKey("invoices.id", ondelete="CASCADE"))
    product: Mapped[str]

    invoice: Mapped[Invoice] = relationship(back_populates="lines", lazy="raise")
