from pydantic_settings import BaseSettings


class Settings(BaseSettings):
    app_name: str = "Inventory"
    items_per_page: int = 50


settings = Settings()
