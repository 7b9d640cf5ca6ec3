using System.Globalization;
using BitMiracle.LibTiff.Classic;
using Engine.Formats;

namespace Engine.Vision;

/// <summary>
/// Keeps the first error that LibTiff tells of a file, instead of printing it. There is one handler for a process: what it is told of files that others
/// opened, it hands to the handler that was there before.
/// </summary>
internal sealed class TiffErrors
{
    private const int MostShown = 120;

    /// <summary>The error, as the end of a sentence; null for none.</summary>
    public string? Text { get; private set; }

    /// <summary>Puts the handler in its place.</summary>
    public static void Install()
    {
        Handler handler = new();
        handler.Before = Tiff.SetErrorHandler(handler);
    }

    private void Note(string format, object[] values)
    {
        string text;
        try
        {
            text = string.Format(CultureInfo.InvariantCulture, format, values);
        }
        catch (FormatException)
        {
            text = format;
        }

        Text ??= $"it is damaged ({ShownName.Of(text.Length > MostShown ? text[..MostShown] : text).TrimEnd('.')})";
    }

    private sealed class Handler : TiffErrorHandler
    {
        public TiffErrorHandler? Before { get; set; }

        // LibTiff calls both methods, of which the second knows whose file it is.
        public override void ErrorHandler(Tiff tif, string method, string format, params object[] args)
        {
            if (tif?.Clientdata() is not TiffErrors)
            {
                Before?.ErrorHandler(tif, method, format, args);
            }
        }

        public override void ErrorHandlerExt(Tiff tif, object clientData, string method, string format, params object[] args)
        {
            if (clientData is TiffErrors errors)
            {
                errors.Note(format, args);
            }
            else
            {
                Before?.ErrorHandlerExt(tif, clientData, method, format, args);
            }
        }

        public override void WarningHandler(Tiff tif, string method, string format, params object[] args)
        {
            if (tif?.Clientdata() is not TiffErrors)
            {
                Before?.WarningHandler(tif, method, format, args);
            }
        }

        public override void WarningHandlerExt(Tiff tif, object clientData, string method, string format, params object[] args)
        {
            if (clientData is not TiffErrors)
            {
                Before?.WarningHandlerExt(tif, clientData, method, format, args);
            }
        }
    }
}
