"""The answers to grafana's data source, as its simple JSON protocol has them."""
import json

from django.conf import settings
from django.http import HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from sosgui.views import dsosds


def ok(request):
    return HttpResponse('a stand-in for sosdb-grafana\n', content_type='text/plain')


@csrf_exempt
def query(request):
    """For each target a series without points, with the dsosds and the container that would be asked."""
    try:
        targets = json.loads(request.body)['targets']
        hosts = dsosds()
        series = [
            {
                'target': target['target'],
                'datapoints': [],
                'standin': True,
                'would_ask': hosts,
                'container': settings.DSOS_ROOT + target['container'],
            }
            for target in targets
        ]
    except (ValueError, KeyError, TypeError) as error:
        return JsonResponse({'error': 'not a query of grafana: %s' % error}, status=400)
    return JsonResponse(series, safe=False)
