from shop.database import Base, Key, PrimaryKey
from sqlalchemy import CheckConstraint, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped


class Wallet(Base):
    __tablename__ = "wallets"
    __table_args__ = (CheckConstraint("balance >= 0", "balance_not_negative"),)

    id: Mapped[PrimaryKey]
    balance: Mapped[int]


async def transfer(db: AsyncSession, payer_id: Key, payee_id: Key, amount: int) -> bool:
    """Return False when the payer's balance is too low."""
    # Lock in the order of keys. Otherwise two transfers in opposite directions would deadlock.
    statement = select(Wallet).where(Wallet.id.in_([payer_id, payee_id])).order_by(Wallet.id).with_for_update()
    # Without this, a wallet that the session has already read would keep its old balance.
    rows = await db.scalars(statement, execution_options={"populate_existing": True})
    wallets = {wallet.id: wallet for wallet in rows}
    if wallets[payer_id].balance < amount:
        return False
    wallets[payer_id].balance -= amount
    wallets[payee_id].balance += amount
    return True
