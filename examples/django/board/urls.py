from django.urls import include, path

urlpatterns = [
    path("forums/", include("forums.urls")),
]
