from django.http import HttpResponseForbidden
from django.shortcuts import get_object_or_404, redirect, render

from .models import Forum


def index(request):
    return render(request, "forums/index.html",
                  {"forums": Forum.objects.order_by("title")})


def topics(request, forum):
    forum = get_object_or_404(Forum, pk=forum)
    if request.method == "POST":
        if forum.closed:
            return HttpResponseForbidden("This forum is closed.")
        topic = forum.topics.create(subject=request.POST["subject"])
        topic.posts.create(text=request.POST["text"])
        return redirect("topics", forum=forum.pk)
    return render(request, "forums/topics.html", {"forum": forum})
