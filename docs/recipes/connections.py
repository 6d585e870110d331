from pydantic import BaseModel
from shop.database import DatabaseSettings


class Deployment(BaseModel):
    replicas: int
    workers: int
    # A rolling deployment runs old and new processes side by side.
    surge: int = 1
    # Connections kept free for migrations, jobs and people.
    spare: int = 10


def settings_for_deployment(deployment: Deployment, max_connections: int) -> DatabaseSettings:
    """The largest pool size at which all processes can fill their pools."""
    processes = (deployment.replicas + deployment.surge) * deployment.workers
    pool_size = (max_connections - deployment.spare) // processes - 1  # one of each process is for readiness probes
    if pool_size < 1:
        return DatabaseSettings(pooler="transaction", pool_size=10, processes=processes)
    return DatabaseSettings(pool_size=pool_size, processes=processes)
