using Engine.Training;

namespace Engine.Vision;

/// <summary>Measures a network on an image folder by several views of each image, whose probabilities are averaged.</summary>
public static class ViewEvaluation
{
    private const int TopCount = 5;

    /// <summary>Runs every image of a folder through a network.</summary>
    /// <param name="classifier">The network.</param>
    /// <param name="source">The images and their labels.</param>
    /// <param name="batchSize">Images at a time.</param>
    /// <param name="views">Which parts of an image are shown.</param>
    /// <param name="sides">For <see cref="ImageViews.Scales"/>, what the shorter side becomes.</param>
    /// <param name="cancellation">Stops it between two batches.</param>
    /// <exception cref="EngineException">An image cannot be read, or the network does not tell as many classes apart as the folder has.</exception>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    public static EvaluationResult Run(
        ImageClassifier classifier, FolderSource source, int batchSize, ImageViews views, IReadOnlyList<int>? sides = null,
            CancellationToken cancellation = default)
    {
        int classes = source.ClassNames.Count;
        int correct = 0, top = 0, index = 0;
        double loss = 0;
        foreach (ImageScores scores in classifier.Run(source.Paths, batchSize, views, sides, cancellation))
        {
            if (scores.Probabilities is not { } probabilities)
            {
                throw scores.Error!;
            }

            if (probabilities.Length != classes)
            {
                throw new EngineException(
                    $"the model has {probabilities.Length:N0} {(probabilities.Length == 1 ? "class" : "classes")}, but the images have {classes:N0}");
            }

            double own = probabilities[source.Label(index++)];
            int better = probabilities.Count(p => p > own);
            correct += better == 0 ? 1 : 0;
            top += better < TopCount ? 1 : 0;
            loss -= Math.Log(Math.Max(own, double.Epsilon));
        }

        return index == 0
            ? throw new EngineException("the image folder has no images to test with")
            : new EvaluationResult(correct, classes > TopCount ? top : null, index, loss / index);
    }
}
